using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.FunctionalTests.Servers;

/// <summary>Shutdowns that come at the worst moment of the last connection.</summary>
[Trait("Row", "H4")]
public sealed class LastConnectionTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);

    [Fact]
    [Trait("Row", "L8")]
    public async Task A_client_that_connects_while_the_host_stops_does_not_hold_it()
    {
        for (int i = 0; i < 100; i++)
        {
            using IHost host = CreateHost(_ => { }, TimeSpan.FromMilliseconds(10));
            await host.StartAsync();
            using var client = new TcpClient();
            await client.ConnectAsync(Address(host));

            await host.StopAsync().WaitAsync(Hang);
        }
    }

    [Fact]
    [Trait("Row", "C23")]
    public async Task A_peer_that_does_not_read_what_was_sent_last_does_not_hold_the_host()
    {
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using IHost host = CreateHost(
            connection =>
            {
                connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket.SendBufferSize = 4096;
                connection.Ended += () =>
                {
                    // More than the system's small buffers hold.
                    connection.Write(new byte[60 * 1024]);
                    written.SetResult();
                };
            },
            TimeSpan.FromMilliseconds(100));
        await host.StartAsync();
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(Address(host));
        client.Shutdown(SocketShutdown.Send);
        await written.Task.WaitAsync(Hang);

        await host.StopAsync().WaitAsync(Hang);
    }

    private static IHost CreateHost(Action<ISocketConnection> onConnection, TimeSpan shutdownTimeout)
    {
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        builder.Services.AddSocketServer(server =>
        {
            server.ShutdownTimeout = shutdownTimeout;
            server.Listen("test", 0, listen => listen.UseSocketHandler(onConnection));
        });
        return builder.Build();
    }

    private static IPEndPoint Address(IHost host) => (IPEndPoint)host.Services.GetRequiredKeyedService<ISocketServer>("test").EndPoint!;
}
