using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Configuration;

public sealed class ReloadTests
{
    [Fact]
    [Trait("Row", "K4")]
    public async Task An_added_endpoint_starts_and_a_removed_one_stops_while_its_connections_and_the_others_live_on()
    {
        await using ConfiguredApp app = await StartAsync(new { A = At(0), B = At(0) });
        int b = app.PortOf("B");
        using TcpClient clientOfA = await app.ConnectAsync("A");
        using TcpClient clientOfB = await app.ConnectAsync("B");
        Assert.Equal("before", await ConfiguredApp.AskAsync(clientOfA, "before"));
        Assert.Equal("before", await ConfiguredApp.AskAsync(clientOfB, "before"));

        app.Write(Settings(new { A = At(0), C = At(0) }));
        await app.UntilAsync(() => app.AddressOf("C") is not null && app.AddressOf("B") is null);

        Assert.Equal("after", await ConfiguredApp.AskAsync(clientOfA, "after"));
        Assert.Equal("after", await ConfiguredApp.AskAsync(clientOfB, "after"));
        using TcpClient clientOfC = await app.ConnectAsync("C");
        Assert.Equal("new", await ConfiguredApp.AskAsync(clientOfC, "new"));
        using var refused = new TcpClient();
        SocketException exception = await Assert.ThrowsAsync<SocketException>(() => refused.ConnectAsync(IPAddress.Loopback, b));
        Assert.Equal(SocketError.ConnectionRefused, exception.SocketErrorCode);
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task A_moved_endpoint_keeps_its_connections_its_handler_and_its_subscribers()
    {
        await using ConfiguredApp app = await StartAsync(new { A = At(0) });
        Assert.True(app.Servers.TryGet("A", out ISocketServer? server));
        int connections = 0;
        server.Connection += _ => Interlocked.Increment(ref connections);
        using TcpClient before = await app.ConnectAsync("A");
        Assert.Equal("1", await ConfiguredApp.AskAsync(before, "?"));

        string old = app.AddressOf("A")!;
        app.Write(Settings(new { A = new { Url = "[::1]:0" } }));
        await app.UntilAsync(() => app.AddressOf("A") is { } address && address != old);

        using TcpClient after = await app.ConnectAsync("A");
        Assert.Equal("2", await ConfiguredApp.AskAsync(after, "?"));
        Assert.Equal("3", await ConfiguredApp.AskAsync(before, "?"));
        Assert.Equal(2, connections);
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task Limits_change_in_place_for_new_connections()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            Settings(new { A = new { Url = "0", Limits = new { WriteBufferSoftLimit = 100 } } }),
            builder => builder.Services.AddSocketServer(server => server.Endpoint("A").UseSocketHandler(
                connection => connection.Data += chunk => connection.Write(connection.Write(new byte[9]) ? "more" : "full"))));
        string address = app.AddressOf("A")!;
        using TcpClient before = await app.ConnectAsync("A");
        Assert.Equal("more", (await ConfiguredApp.AskAsync(before, "thirteen byte"))[9..]);
        Task applied = AppliedAsync(app);

        app.Write(Settings(new { A = new { Url = "0", Limits = new { WriteBufferSoftLimit = 5 } } }));
        await applied;

        Assert.Equal(address, app.AddressOf("A"));
        using TcpClient after = await app.ConnectAsync("A");
        Assert.Equal("full", (await ConfiguredApp.AskAsync(after, "thirteen byte"))[9..]);
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task A_bad_change_keeps_the_old_state_entirely_and_says_why()
    {
        await using ConfiguredApp app = await StartAsync(new { A = At(0) });
        string address = app.AddressOf("A")!;

        app.Write(Settings(new { A = new { Url = "localhost:80" }, B = At(0) }));
        await app.UntilAsync(() => app.LastFailure is not null);

        Assert.Contains("SocketServer:Endpoints:A:Url: 'localhost:80' is a host name", app.LastFailure!.Message, StringComparison.Ordinal);
        Assert.Single(app.Logs.GetSnapshot(), log => log.Level == LogLevel.Error && log.Exception == app.LastFailure);
        Assert.Equal(address, app.AddressOf("A"));
        Assert.Null(app.AddressOf("B"));
        using TcpClient client = await app.ConnectAsync("A");
        Assert.Equal("1", await ConfiguredApp.AskAsync(client, "?"));
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task A_change_whose_port_is_taken_keeps_the_old_endpoint()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using ConfiguredApp app = await StartAsync(new { A = At(0), B = At(0) });
        string a = app.AddressOf("A")!;
        string b = app.AddressOf("B")!;

        app.Write(Settings(new { A = new { Url = "[::1]:0" }, B = At(port) }));
        await app.UntilAsync(() => app.LastFailure is not null);

        Assert.Contains($"Endpoint 'B' cannot listen on tcp://127.0.0.1:{port}", app.LastFailure!.Message, StringComparison.Ordinal);
        Assert.Equal((a, b), (app.AddressOf("A"), app.AddressOf("B")));
        using TcpClient client = await app.ConnectAsync("B");
        Assert.Equal("1", await ConfiguredApp.AskAsync(client, "?"));
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task A_change_that_wants_the_port_of_an_endpoint_that_cannot_move_gives_it_back()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await using ConfiguredApp app = await StartAsync(new { A = At(0), B = At(0) });
        int a = app.PortOf("A");
        int b = app.PortOf("B");

        app.Write(Settings(new { A = At(b), B = At(((IPEndPoint)taken.LocalEndpoint).Port) }));
        await app.UntilAsync(() => app.LastFailure is not null);
        await app.UntilAsync(() => app.AddressOf("B") is not null);

        Assert.Equal((a, b), (app.PortOf("A"), app.PortOf("B")));
        using TcpClient client = await app.ConnectAsync("B");
        Assert.Equal("1", await ConfiguredApp.AskAsync(client, "?"));
    }

    [Fact]
    [Trait("Row", "K4")]
    [Trait("Row", "A7")]
    public async Task A_refused_change_leaves_an_inherited_socket_to_the_next_one()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var handed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        handed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)handed.LocalEndPoint!).Port;
        object inherited = new { Url = $"fd://{handed.SafeHandle.DangerousGetHandle()}" };
        await using ConfiguredApp app = await StartAsync(new { A = At(0) });

        app.Write(Settings(new { A = inherited, B = At(((IPEndPoint)taken.LocalEndpoint).Port) }));
        await app.UntilAsync(() => app.LastFailure is not null);
        Assert.NotEqual(port, app.PortOf("A"));
        app.Write(Settings(new { A = inherited }));
        await app.UntilAsync(() => app.AddressOf("A") == $"127.0.0.1:{port}");
        using TcpClient before = await app.ConnectAsync("A");
        Assert.Equal("1", await ConfiguredApp.AskAsync(before, "?"));

        // It cannot be had by its address, as it stays open, and so it is not given up for that.
        app.Write(Settings(new { A = At(port) }));
        await app.UntilAsync(() => app.LastFailure!.Message.Contains($"'A' cannot listen on tcp://127.0.0.1:{port}", StringComparison.Ordinal));
        using TcpClient after = await app.ConnectAsync("A");
        Assert.Equal("2", await ConfiguredApp.AskAsync(after, "?"));
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task Two_endpoints_can_swap_their_ports()
    {
        await using ConfiguredApp app = await StartAsync(new { A = At(0), B = At(0) });
        int a = app.PortOf("A");
        int b = app.PortOf("B");

        app.Write(Settings(new { A = At(b), B = At(a) }));
        await app.UntilAsync(() => app.AddressOf("A") == $"127.0.0.1:{b}" && app.AddressOf("B") == $"127.0.0.1:{a}");

        using TcpClient client = await app.ConnectAsync("A");
        Assert.Equal("1", await ConfiguredApp.AskAsync(client, "?"));
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task Half_of_a_file_changes_nothing_and_the_whole_one_is_followed()
    {
        await using ConfiguredApp app = await StartAsync(new { A = At(0) });
        string address = app.AddressOf("A")!;
        using TcpClient client = await app.ConnectAsync("A");

        app.WriteText("""{ "SocketServer": { "Endpoints": { "B": """);
        Assert.Equal("1", await ConfiguredApp.AskAsync(client, "?"));
        app.Write(Settings(new { A = At(0), C = At(0) }));
        await app.UntilAsync(() => app.AddressOf("C") is not null);

        Assert.Equal(address, app.AddressOf("A"));
        Assert.Equal("2", await ConfiguredApp.AskAsync(client, "?"));
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task The_options_of_a_socket_change_in_place_and_no_client_is_refused()
    {
        await using ConfiguredApp app = await StartAsync(new { A = new { Url = "127.0.0.1:0", Socket = new { Backlog = 10 } } });
        int port = app.PortOf("A");
        using var done = new CancellationTokenSource();
        Task<int> clients = Task.Run(async () =>
        {
            int served = 0;
            while (!done.IsCancellationRequested)
            {
                using TcpClient client = await app.ConnectAsync("A");
                Assert.Equal("here", await ConfiguredApp.AskAsync(client, "here"));
                served++;
            }

            return served;
        });
        Assert.Equal("10", await BacklogAsync(port));
        Task applied = AppliedAsync(app);

        app.Write(Settings(new { A = new { Url = "127.0.0.1:0", Socket = new { Backlog = 20 } } }));
        await applied;
        string backlog = await BacklogAsync(port);
        await done.CancelAsync();

        Assert.True(await clients > 0);
        Assert.Equal(("20", port), (backlog, app.PortOf("A")));
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task A_socket_that_must_be_bound_anew_keeps_its_port_and_its_connections()
    {
        await using ConfiguredApp app = await StartAsync(new { A = At(0) });
        int port = app.PortOf("A");
        using TcpClient before = await app.ConnectAsync("A");
        Assert.Equal("1", await ConfiguredApp.AskAsync(before, "?"));
        Task applied = AppliedAsync(app);

        app.Write(Settings(new { A = new { Url = $"127.0.0.1:{port}", Socket = new { ReusePort = true } } }));
        await applied;

        Assert.Equal(port, app.PortOf("A"));
        using TcpClient after = await app.ConnectAsync("A");
        Assert.Equal("2", await ConfiguredApp.AskAsync(after, "?"));
        Assert.Equal("3", await ConfiguredApp.AskAsync(before, "?"));
    }

    // What ss shows as the send queue of a listening socket.
    private static async Task<string> BacklogAsync(int port)
        => Assert.Single(await Tcp.ListAsync("-ltn", port)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[2];

    private static object At(int port) => new { Url = $"127.0.0.1:{port}" };

    private static object Settings(object endpoints) => new { SocketServer = new { Endpoints = endpoints } };

    // Numbers the questions, over all connections: so the handler shows that it is still the same.
    private static Task<ConfiguredApp> StartAsync(object endpoints) => ConfiguredApp.StartAsync(Settings(endpoints), builder =>
        builder.Services.AddSocketServer(server =>
        {
            foreach (string name in (string[])["A", "B", "C"])
            {
                server.Endpoint(name).Optional().UseSocketHandler<NumberingHandler>();
            }
        }));

    private static Task AppliedAsync(ConfiguredApp app)
    {
        var applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Servers.Reloaded += () => applied.TrySetResult();
        return applied.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }
}

public sealed class NumberingHandler : SocketConnectionHandler
{
    private int _questions;

    protected override void OnConnection(ISocketConnection connection) => connection.Data += chunk =>
    {
        if (chunk.SequenceEqual("?"u8))
        {
            connection.Write(Interlocked.Increment(ref _questions).ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        else
        {
            connection.Write(chunk);
        }
    };
}
