using System.Threading.Channels;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class PauseTests
{
    [Fact]
    [Trait("Row", "L5")]
    public async Task While_paused_clients_wait_in_the_backlog()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        using RawClient before = await server.ConnectAsync();
        await before.SendAsync("x");
        await before.ReceiveExactlyAsync(1);

        server.Server.PauseAccepting();
        server.Server.PauseAccepting();
        Assert.True(server.Server.IsAcceptingPaused);
        using RawClient waiting = await server.ConnectAsync();
        await waiting.SendAsync("y");
        await before.SendAsync("x");
        await before.ReceiveExactlyAsync(1);
        Assert.Single(server.Server.Connections);
        Assert.Equal("1", await QueueAsync(server.Server));

        server.Server.ResumeAccepting();
        server.Server.ResumeAccepting();
        Assert.False(server.Server.IsAcceptingPaused);
        Assert.Equal("y", await waiting.ReceiveTextAsync(1));
    }

    [Fact]
    [Trait("Row", "L5")]
    public async Task Paused_before_the_start()
    {
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        TestHost.Collect(builder.Logging);
        builder.Services.AddSocketServer(options => options.Listen("echo", 0, listen => listen.UseSocketHandler(connection => connection.Pipe(connection))));
        IHost built = builder.Build();
        ISocketServer server = built.Services.GetRequiredKeyedService<ISocketServer>("echo");
        server.PauseAccepting();
        await using TestHost host = await TestHost.StartAsync(built);

        using RawClient client = await RawClient.ConnectAsync(server);
        await client.SendAsync("x");
        Assert.Equal("1", await QueueAsync(server));
        server.ResumeAccepting();
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    [Fact]
    [Trait("Row", "L5")]
    public async Task Any_number_of_times_and_from_any_thread()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        Task[] turns = [.. Enumerable.Range(0, 4).Select(turn => Task.Run(() =>
        {
            for (int i = 0; i < 500; i++)
            {
                if ((i + turn) % 2 == 0)
                {
                    server.Server.PauseAccepting();
                }
                else
                {
                    server.Server.ResumeAccepting();
                }
            }
        }))];
        RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.ConnectAsync()));
        await Task.WhenAll(turns).Soon();
        server.Server.ResumeAccepting();
        foreach (RawClient client in clients)
        {
            await client.SendAsync("x");
            Assert.Equal("x", await client.ReceiveTextAsync(1));
            client.Dispose();
        }
    }

    [Fact]
    [Trait("Row", "L7")]
    [Trait("Row", "L8")]
    public async Task Closing_ends_a_pause_of_its_socket_but_not_of_the_server()
    {
        var connections = Channel.CreateUnbounded<ISocketConnection>();
        await using TestHost host = await TestHost.StartAsync();
        ISocketServer server = await host.Servers.ListenAsync("echo", "0", listen => listen.UseSocketHandler(connection => connection.Pipe(connection)));
        server.Connection += connection => connections.Writer.TryWrite(connection);
        string address = server.Address!;
        server.PauseAccepting();
        await server.CloseAsync().Soon();
        await host.Servers.ListenAsync("echo", address, listen => listen.UseSocketHandler(connection => connection.Pipe(connection)));
        using RawClient client = await RawClient.ConnectAsync(address);
        await client.SendAsync("x");
        Assert.Equal("1", await QueueAsync(server));
        server.ResumeAccepting();
        Assert.Equal("x", await client.ReceiveTextAsync(1));
        Assert.Equal(client.LocalAddress, (await connections.Reader.ReadAsync().Soon()).RemoteAddress);
    }

    // How many connections wait to be accepted, as the operating system tells it.
    private static async Task<string> QueueAsync(ISocketServer server)
        => Assert.Single(await Tcp.ListAsync("-ltn", Tcp.PortOf(server))).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
}
