using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.FunctionalTests.Servers;

[Trait("Row", "A17")]
public sealed class AcceptorPerLoopTests
{
    private const int Loops = 3;

    // The operating system deals them out by the port of the client: that one of three gets none is not seen in a lifetime.
    private const int Clients = 200;

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    [InlineData("[::]:0")]
    [Trait("Row", "A2")]
    public async Task As_many_sockets_as_loops_listen_on_the_port_with_the_options_of_the_endpoint(string address)
    {
        await using TestHost host = await StartAsync(listen => Echo(listen.UseBacklog(9)), address);
        string[] sockets = await Tcp.ListAsync("-ltn", Tcp.PortOf(host.Server("test")));
        Assert.Equal(Enumerable.Repeat("9", Loops), sockets.Select(socket => Column(socket, 2)));
    }

    [Theory]
    [InlineData(SocketTransportDriver.Socket, Loops)]
    [InlineData(SocketTransportDriver.EventLoop, 1)]
    public async Task Where_it_has_no_effect_there_is_one_socket_that_nobody_may_share(SocketTransportDriver driver, int loops)
    {
        await using TestHost host = await StartAsync(Echo, driver: driver, loops: loops);
        Assert.Single(await Tcp.ListAsync("-ltn", Tcp.PortOf(host.Server("test"))));
        await AssertServesAsync(host);
        await Assert.ThrowsAsync<IOException>(() => host.Servers.ListenAsync("other", host.Server("test").Address!, listen => Echo(listen.UseReusePort())));
    }

    [Fact]
    public async Task The_operating_system_deals_the_clients_out_and_each_loop_serves_its_own()
    {
        await using TestHost host = await StartAsync(listen => listen.UseSocketHandler(connection => connection.Data += _ => connection.Write(
            Thread.CurrentThread.IsThreadPoolThread ? "no loop   " : Environment.CurrentManagedThreadId.ToString("D10", CultureInfo.InvariantCulture))));
        ISocketServer server = host.Server("test");
        server.PauseAccepting();
        RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => RawClient.ConnectAsync(server)));
        int[] waiting = [.. (await Tcp.ListAsync("-ltn", Tcp.PortOf(server))).Select(socket => int.Parse(Column(socket, 1), CultureInfo.InvariantCulture))];
        Assert.Equal(Loops, waiting.Length);
        Assert.All(waiting, count => Assert.NotEqual(0, count));

        server.ResumeAccepting();
        string[] loops = await Task.WhenAll(clients.Select(LoopOfAsync));
        Assert.Equal(waiting.Order(), loops.CountBy(loop => loop).Select(loop => loop.Value).Order());
        Array.ForEach(clients, client => client.Dispose());
    }

    [Fact]
    [Trait("Row", "A14")]
    public async Task The_options_reach_the_connections_of_all_sockets()
    {
        var seen = new ConcurrentQueue<(bool NoDelay, bool KeepAlive)>();
        await using TestHost host = await StartAsync(listen => listen.UseNoDelay(false).UseKeepAlive(TimeSpan.FromMinutes(1)).UseSocketHandler(connection =>
        {
            Socket socket = connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
            seen.Enqueue((socket.NoDelay, (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)! != 0));
            connection.End("x");
        }));
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
            await client.ReceiveToEndAsync();
        }));
        Assert.Equal(Enumerable.Repeat((false, true), Clients), seen);
    }

    [Fact]
    [Trait("Row", "L5")]
    public async Task Pausing_before_the_start_and_while_it_listens_holds_for_all_sockets()
    {
        await using TestHost host = await TestHost.StartAsync(ConfigureTransport);
        ISocketServer server = await host.Servers.ListenAsync("test", "0", UseAcceptorPerLoop);
        await server.CloseAsync();
        server.PauseAccepting();
        await host.Servers.ListenAsync("test", "0", UseAcceptorPerLoop);
        for (int i = 0; i < 2; i++)
        {
            RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => RawClient.ConnectAsync(server)));
            string[] sockets = await Tcp.ListAsync("-ltn", Tcp.PortOf(server));
            Assert.Equal(Clients, sockets.Sum(socket => int.Parse(Column(socket, 1), CultureInfo.InvariantCulture)));
            server.ResumeAccepting();
            await Task.WhenAll(clients.Select(AssertEchoAsync));
            Array.ForEach(clients, client => client.Dispose());
            server.PauseAccepting();
        }

        static void UseAcceptorPerLoop(ListenOptions listen) => Echo(listen.UseAcceptorPerLoop());
    }

    [Fact]
    [Trait("Row", "L7")]
    [Trait("Row", "L10")]
    public async Task Closing_frees_the_port_at_once_and_the_connections_of_all_sockets_live_on()
    {
        await using TestHost host = await StartAsync(Echo);
        ISocketServer server = host.Server("test");
        EndPoint endPoint = server.EndPoint!;
        RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => RawClient.ConnectAsync(server)));
        await Task.WhenAll(clients.Select(AssertEchoAsync));

        await server.CloseAsync().Soon();
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(endPoint);
            socket.Listen();
        }

        await Tcp.AssertRefusedAsync(endPoint);
        await Task.WhenAll(clients.Select(AssertEchoAsync));
        Array.ForEach(clients, client => client.Dispose());

        // At the same address again.
        await host.Servers.ListenAsync("test", endPoint.ToString()!, listen => Echo(listen.UseAcceptorPerLoop()));
        Assert.Equal(Loops, (await Tcp.ListAsync("-ltn", Tcp.PortOf(server))).Length);
        await AssertServesAsync(host);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "A13")]
    public async Task A_port_that_another_endpoint_has_is_in_use_also_for_one_with_the_same_option(bool acceptorPerLoop)
    {
        await using TestHost host = await StartAsync(Echo);
        string address = host.Server("test").Address!;
        IOException exception = await Assert.ThrowsAsync<IOException>(
            () => host.Servers.ListenAsync("twin", address, listen => Echo(listen.UseAcceptorPerLoop(acceptorPerLoop))));
        Assert.Equal($"Endpoint 'twin' cannot listen on tcp://{address}: the address is already in use.", exception.Message);
        Assert.Equal(Loops, (await Tcp.ListAsync("-ltn", Tcp.PortOf(host.Server("test")))).Length);
        await AssertServesAsync(host);
    }

    [Fact]
    [Trait("Row", "A14")]
    public async Task Two_processes_share_the_port_where_both_ask_for_it()
    {
        await using TestHost host = await StartAsync(listen => listen.UseReusePort().UseSocketHandler(connection => connection.End("tests")));
        ISocketServer server = host.Server("test");
        using ChildProcess child = ChildProcess.Start("serve", server.Address!, "reuse");
        Assert.Equal(server.Address, await child.ReadLineAsync());
        Assert.Equal(Loops, (await Tcp.ListAsync("-ltn", Tcp.PortOf(server))).Length);
        var answers = new HashSet<string>();
        for (int i = 0; i < Clients && answers.Count < 2; i++)
        {
            using RawClient client = await RawClient.ConnectAsync(server);
            answers.Add(await client.ReceiveTextAsync(5));
        }

        Assert.Equal(["child", "tests"], answers.Order());
    }

    [Theory]
    [InlineData("unix")]
    [InlineData("fd")]
    [Trait("Row", "H5")]
    public async Task An_address_with_one_socket_fails_the_start(string scheme)
    {
        string address = scheme == "fd" ? "fd://3" : $"unix://{Path.Combine(Path.GetTempPath(), $"kss-{Guid.NewGuid():N}.sock")}";
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(Echo, address));
        Assert.Equal(
            $"Endpoint 'test': AcceptorPerLoop is set, but {address} has one socket; it is allowed for an IP address with a port, such as 127.0.0.1:8007.",
            exception.Message);
    }

    [Fact]
    [Trait("Row", "H4")]
    public async Task A_stop_reaches_the_connections_of_all_sockets()
    {
        await using TestHost host = await StartAsync(listen => listen.UseSocketHandler(connection =>
        {
            connection.Stopping += () => connection.End("Bye");
            connection.Write("Hi!");
        }));
        EndPoint endPoint = host.Server("test").EndPoint!;
        RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => RawClient.ConnectAsync(endPoint)));
        await Task.WhenAll(clients.Select(client => client.ReceiveExactlyAsync(3)));
        Task stopped = host.StopAsync();
        await Task.WhenAll(clients.Select(async client => Assert.Equal("Bye", await client.ReceiveTextToEndAsync())));
        Array.ForEach(clients, client => client.Dispose());
        await stopped;
        await Tcp.AssertRefusedAsync(endPoint);
    }

    private static Task<TestHost> StartAsync(
        Action<ListenOptions> configure, string address = "0", SocketTransportDriver driver = SocketTransportDriver.EventLoop, int loops = Loops)
        => TestHost.StartAsync(server =>
        {
            ConfigureTransport(server);
            server.Transport.Driver = driver;
            server.Transport.EventLoopCount = loops;
            server.Listen("test", address, listen => configure(listen.UseAcceptorPerLoop()));
        });

    private static void ConfigureTransport(SocketServerOptions server)
    {
        server.Transport.Driver = SocketTransportDriver.EventLoop;
        server.Transport.EventLoopCount = Loops;

        // No loop goes on on another thread, however slow the machine is.
        server.Transport.BlockingLimit = TimeSpan.FromHours(1);
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));

    private static async Task AssertServesAsync(TestHost host)
    {
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await AssertEchoAsync(client);
    }

    private static async Task AssertEchoAsync(RawClient client)
    {
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    // What came before the connection waited for it is handled where that began to read.
    private static async Task<string> LoopOfAsync(RawClient client)
    {
        string loop;
        do
        {
            await client.SendAsync("?");
            loop = await client.ReceiveTextAsync(10);
        }
        while (loop.StartsWith("no", StringComparison.Ordinal));
        return loop;
    }

    // State, queue, backlog, addresses.
    private static string Column(string socket, int column) => socket.Split(' ', StringSplitOptions.RemoveEmptyEntries)[column];
}
