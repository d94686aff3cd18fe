using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class CloseTests
{
    [Fact]
    [Trait("Row", "L7")]
    public async Task New_connections_are_refused_and_existing_ones_live_on()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("x");
        await client.ReceiveExactlyAsync(1);

        await server.Server.CloseAsync().Soon();
        await Tcp.AssertRefusedAsync(endPoint);
        await client.SendAsync("y");
        Assert.Equal("y", await client.ReceiveTextAsync(1));
        Assert.Single(server.Server.Connections);
        await client.ShutdownSendAsync();
        Assert.Equal("", await client.ReceiveTextToEndAsync());
    }

    [Fact]
    [Trait("Row", "L7")]
    public async Task The_port_can_be_bound_again_at_once()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        string address = server.Server.Address!;

        // One connection lives on, and one waits in TIME_WAIT on the server's side, as that has closed it first.
        using RawClient living = await server.ConnectAsync();
        await server.AcceptedAsync();
        using (RawClient left = await server.ConnectAsync())
        {
            (await server.AcceptedAsync()).End();
            await left.ReceiveToEndAsync();
        }

        await server.Server.CloseAsync().Soon();
        ISocketServer again = await server.Host.Servers.ListenAsync("again", address, Echo).Soon();
        Assert.Equal(address, again.Address);
        using RawClient client = await RawClient.ConnectAsync(address);
        foreach (RawClient each in new[] { living, client })
        {
            await each.SendAsync("x");
            Assert.Equal("x", await each.ReceiveTextAsync(1));
        }
    }

    [Fact]
    [Trait("Row", "L7")]
    public async Task Another_socket_can_have_the_port_whoever_closed_first()
    {
        for (int i = 0; i < 50; i++)
        {
            await using TestHost host = await TestHost.StartAsync(server => server.Listen("echo", 0, Echo));
            ISocketServer server = host.Server("echo");
            EndPoint endPoint = server.EndPoint!;

            // Whichever of them is done first: the port is free then.
            await Task.WhenAny(Enumerable.Range(0, 2).Select(_ => Task.Run(() => server.CloseAsync())));
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(endPoint);
            socket.Listen();
        }
    }

    [Fact]
    [Trait("Row", "L8")]
    public async Task Closing_again_or_before_listening_has_no_effect()
    {
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        TestHost.Collect(builder.Logging);
        builder.Services.AddSocketServer(options => options.Listen("echo", 0, Echo));
        IHost built = builder.Build();
        ISocketServer server = built.Services.GetRequiredKeyedService<ISocketServer>("echo");
        Assert.Null(server.Address);
        await server.CloseAsync().Soon();
        await using TestHost host = await TestHost.StartAsync(built);
        Assert.NotNull(server.Address);
        await server.CloseAsync().Soon();
        await server.CloseAsync().Soon();
        await host.StopAsync();
        await server.CloseAsync().Soon();
    }

    [Fact]
    [Trait("Row", "L8")]
    [Trait("Row", "L9")]
    public async Task Closing_during_a_handshake_does_no_harm()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), TestTransport.Tls);
        using RawClient stalled = await RawClient.ConnectAsync(server.Server);

        // Accepted in order: when a later client is served, the stalled one is in its handshake.
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("x");
        await client.ReceiveExactlyAsync(1);
        await server.Server.CloseAsync().Soon();
        stalled.Dispose();
        await client.SendAsync("x");
        await client.ReceiveExactlyAsync(1);
    }

    [Fact]
    [Trait("Row", "L9")]
    public async Task No_event_of_the_server_follows()
    {
        var connections = Channel.CreateUnbounded<ISocketConnection>();
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        server.Server.Connection += connection => connections.Writer.TryWrite(connection);
        using RawClient client = await server.ConnectAsync();
        ISocketConnection connection = await server.AcceptedAsync();
        var recorder = new EventRecorder(connection, data: false);
        await connections.Reader.ReadAsync().Soon();
        EndPoint endPoint = server.Server.EndPoint!;
        await server.Server.CloseAsync().Soon();
        await Tcp.AssertRefusedAsync(endPoint);
        client.Reset();
        await recorder.Closed;
        Assert.False(connections.Reader.TryRead(out _));
        Assert.Empty(server.Errors);
    }

    [Fact]
    [Trait("Row", "L10")]
    public async Task The_process_ends_when_the_last_connection_is_gone()
    {
        using ChildProcess child = ChildProcess.Start("close");
        string address = await child.ReadLineAsync();
        using RawClient client = await RawClient.ConnectAsync(address);
        await client.SendAsync("x");
        await client.ReceiveExactlyAsync(1);
        Assert.Equal("closed", await child.ReadLineAsync());
        await Tcp.AssertRefusedAsync(address);
        await client.SendAsync("y");
        Assert.Equal("y", await client.ReceiveTextAsync(1));
        await client.ShutdownSendAsync();
        Assert.Equal((0, ""), await child.WaitForExitAsync());
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));
}
