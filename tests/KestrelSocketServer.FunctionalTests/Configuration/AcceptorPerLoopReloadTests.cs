using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Configuration;

[Trait("Row", "A17")]
[Trait("Row", "K4")]
public sealed class AcceptorPerLoopReloadTests
{
    private const int Loops = 3;

    [Fact]
    public async Task It_is_switched_on_and_off_on_the_same_port_while_connections_live_on()
    {
        using var reserved = new ReservedPort();
        int port = reserved.Port;
        await using ConfiguredApp app = await StartAsync(new { A = At(port, acceptorPerLoop: false) });
        Assert.Single(await Tcp.ListAsync("-ltn", port));
        var clients = new List<TcpClient> { await app.ConnectAsync("A") };
        foreach ((bool acceptorPerLoop, int sockets) in new[] { (true, Loops), (false, 1), (true, Loops) })
        {
            await ReloadAsync(app, new { A = At(port, acceptorPerLoop) }, async () => (await Tcp.ListAsync("-ltn", port)).Length == sockets);
            clients.Add(await app.ConnectAsync("A"));
            foreach (TcpClient client in clients)
            {
                Assert.Equal("here", await ConfiguredApp.AskAsync(client, "here"));
            }
        }

        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    [Trait("Row", "A14")]
    public async Task The_options_of_all_sockets_change_in_place_and_no_client_is_refused()
    {
        using var reserved = new ReservedPort();
        await using ConfiguredApp app = await StartAsync(new { A = At(reserved.Port, backlog: 10) });
        using var done = new CancellationTokenSource();
        Task<int> served = Task.Run(async () =>
        {
            int count = 0;
            while (!done.IsCancellationRequested)
            {
                using TcpClient client = await app.ConnectAsync("A");
                Assert.Equal("here", await ConfiguredApp.AskAsync(client, "here"));
                count++;
            }

            return count;
        });
        Assert.Equal(["10", "10", "10"], await BacklogsAsync(reserved.Port));
        await ReloadAsync(app, new { A = At(reserved.Port, backlog: 20) }, async () => (await BacklogsAsync(reserved.Port)).SequenceEqual(["20", "20", "20"]));
        await done.CancelAsync();

        Assert.True(await served > 0);
    }

    [Fact]
    public async Task A_refused_change_gives_all_sockets_back()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var reserved = new ReservedPort();
        await using ConfiguredApp app = await StartAsync(new { A = At(0), B = At(reserved.Port) });
        int a = app.PortOf("A");

        app.Write(Settings(new { A = At(reserved.Port), B = At(((IPEndPoint)taken.LocalEndpoint).Port) }));
        await app.UntilAsync(() => app.LastFailure is not null && app.AddressOf("B") is not null);

        Assert.Equal((a, reserved.Port), (app.PortOf("A"), app.PortOf("B")));
        Assert.Equal(Loops, (await Tcp.ListAsync("-ltn", a)).Length);
        Assert.Equal(Loops, (await Tcp.ListAsync("-ltn", reserved.Port)).Length);
        using TcpClient client = await app.ConnectAsync("B");
        Assert.Equal("here", await ConfiguredApp.AskAsync(client, "here"));
    }

    [Fact]
    [Trait("Row", "A13")]
    public async Task A_change_to_an_address_with_one_socket_is_refused()
    {
        await using ConfiguredApp app = await StartAsync(new { A = At(0) });
        string address = app.AddressOf("A")!;
        string path = Path.Combine(app.Folder, "a.sock");

        app.Write(Settings(new { A = new { Url = $"unix://{path}", Socket = new { AcceptorPerLoop = true } } }));
        await app.UntilAsync(() => app.LastFailure is not null);

        Assert.Equal(
            $"Endpoint 'A': AcceptorPerLoop is set, but unix://{path} has one socket; it is allowed for an IP address with a port, such as 127.0.0.1:8007.",
            app.LastFailure!.Message);
        Assert.Equal(address, app.AddressOf("A"));
        Assert.Equal(Loops, (await Tcp.ListAsync("-ltn", app.PortOf("A"))).Length);
    }

    private static object At(int port, bool acceptorPerLoop = true, int backlog = 10)
        => new { Url = $"127.0.0.1:{port}", Socket = new { AcceptorPerLoop = acceptorPerLoop, Backlog = backlog } };

    private static object Settings(object endpoints) => new { SocketServer = new { Endpoints = endpoints } };

    private static Task<ConfiguredApp> StartAsync(object endpoints) => ConfiguredApp.StartAsync(Settings(endpoints), builder =>
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.Driver = SocketTransportDriver.EventLoop;
            server.Transport.EventLoopCount = Loops;
            server.Endpoint("A").UseSocketHandler(connection => connection.Pipe(connection));
            server.Endpoint("B").Optional().UseSocketHandler(connection => connection.Pipe(connection));
        }));

    // A change of the file may be told twice, the second time after the next one was waited for.
    private static async Task ReloadAsync(ConfiguredApp app, object endpoints, Func<Task<bool>> isDone)
    {
        using var reloaded = new SemaphoreSlim(0);
        void OnReloaded() => reloaded.Release();
        app.Servers.Reloaded += OnReloaded;
        app.Write(Settings(endpoints));
        do
        {
            Assert.True(await reloaded.WaitAsync(Timeouts.Generous));
        }
        while (!await isDone());
        app.Servers.Reloaded -= OnReloaded;
    }

    // State, queue, backlog, addresses.
    private static async Task<string[]> BacklogsAsync(int port)
        => [.. (await Tcp.ListAsync("-ltn", port)).Select(socket => socket.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2])];
}
