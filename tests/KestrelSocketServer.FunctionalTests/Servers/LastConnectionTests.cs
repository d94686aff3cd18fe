using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
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
        var blocked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using IHost host = CreateHost(
            connection =>
            {
                connection.Drained += connection.End;
                connection.Closed += closed.SetResult;
                byte[] data = new byte[16 * 1024];
                while (connection.Write(data))
                {
                }

                blocked.SetResult();
            },
            TimeSpan.FromMilliseconds(100));
        await host.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(Address(host));
        await blocked.Task.WaitAsync(Hang);

        // Reads until the server has no more to say, but not all that is on its way.
        byte[] buffer = new byte[1024];
        while (!closed.Task.IsCompleted && await client.GetStream().ReadAsync(buffer).AsTask().WaitAsync(Hang) > 0)
        {
        }

        await closed.Task.WaitAsync(Hang);
        await host.StopAsync().WaitAsync(Hang);
    }

    private static IHost CreateHost(Action<ISocketConnection> onConnection, TimeSpan shutdownTimeout)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSocketServer(server =>
        {
            server.ShutdownTimeout = shutdownTimeout;
            server.Listen("test", 0, listen => listen.UseSocketHandler(onConnection));
        });
        return builder.Build();
    }

    private static IPEndPoint Address(IHost host) => (IPEndPoint)host.Services.GetRequiredKeyedService<ISocketServer>("test").EndPoint!;
}
