using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class SocketOptionTests
{
    [Fact]
    [Trait("Row", "A14")]
    public async Task The_backlog_reaches_the_socket_of_its_endpoint_alone()
    {
        await using TestHost host = await TestHost.StartAsync(server => server
            .Listen("short", 0, listen => Echo(listen.UseBacklog(7)))
            .Listen("long", 0, listen => Echo(listen.UseBacklog(200)))
            .Listen("default", 0, Echo));
        Assert.Equal("7", await BacklogAsync(host.Server("short")));
        Assert.Equal("200", await BacklogAsync(host.Server("long")));
        Assert.Equal("512", await BacklogAsync(host.Server("default")));
    }

    [Fact]
    [Trait("Row", "A14")]
    public async Task Two_processes_share_a_port()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => listen.UseReusePort().UseSocketHandler(connection => connection.End("tests")));
        using ChildProcess child = ChildProcess.Start("serve", server.Server.Address!, "reuse");
        Assert.Equal(server.Server.Address, await child.ReadLineAsync());

        // The operating system deals them out by the port of the client: 200 that all go to one side are not seen in a lifetime.
        var answers = new HashSet<string>();
        for (int i = 0; i < 200 && answers.Count < 2; i++)
        {
            using RawClient client = await server.ConnectAsync();
            answers.Add(await client.ReceiveTextAsync(5));
        }

        Assert.Equal(["child", "tests"], answers.Order());
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [Trait("Row", "A13")]
    [Trait("Row", "A14")]
    public async Task A_port_is_not_shared_unless_both_ask_for_it(bool first, bool second)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => Echo(listen.UseReusePort(first)));
        using ChildProcess child = ChildProcess.Start("serve", server.Server.Address!, second ? "reuse" : "");
        (int exitCode, string errors) = await child.WaitForExitAsync();
        Assert.Equal(1, exitCode);
        Assert.Equal($"Endpoint 'child' cannot listen on tcp://{server.Server.Address}: the address is already in use.", errors.Trim());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Row", "A14")]
    public async Task NoDelay_reaches_the_connections(bool noDelay)
    {
        var seen = new ConcurrentQueue<bool>();
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => (noDelay ? listen : listen.UseNoDelay(false)).UseSocketHandler(connection =>
        {
            seen.Enqueue(connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket.NoDelay);
            connection.End("x");
        }));
        using RawClient client = await server.ConnectAsync();
        await client.ReceiveToEndAsync();
        Assert.Equal(noDelay, Assert.Single(seen));
    }

    [Fact]
    [Trait("Row", "A14")]
    public async Task Keep_alive_reaches_the_connections_of_its_endpoint_alone()
    {
        await using TestHost host = await TestHost.StartAsync(server => server
            .Listen("kept", 0, listen => Echo(listen.UseKeepAlive(TimeSpan.FromSeconds(77), TimeSpan.FromSeconds(5), 3)))
            .Listen("plain", 0, Echo));
        Assert.Contains("timer:(keepalive,1min", await TimersAsync(host.Server("kept")), StringComparison.Ordinal);
        Assert.DoesNotContain("keepalive", await TimersAsync(host.Server("plain")), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "A14")]
    public async Task Keep_alive_sets_the_interval_and_the_number_of_probes()
    {
        var options = new TaskCompletionSource<(int Time, int Interval, int Count)>();
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => listen
            .UseKeepAlive(TimeSpan.FromSeconds(77), TimeSpan.FromSeconds(5), 3)
            .UseSocketHandler(connection =>
            {
                Socket socket = connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
                options.SetResult((
                    (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime)!,
                    (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval)!,
                    (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount)!));
            }));
        using RawClient client = await server.ConnectAsync();
        Assert.Equal((77, 5, 3), await options.Task.Soon());
    }

    [Fact]
    [Trait("Row", "G15")]
    public async Task The_user_timeout_reaches_the_connections_of_its_endpoint_alone()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using TestHost host = await TestHost.StartAsync(server => server
            .Listen("bounded", 0, listen => Tell(listen.UseUserTimeout(TimeSpan.FromSeconds(7.5))))
            .Listen("plain", 0, listen => Tell(listen)));

        Assert.Equal("7500", await AskAsync("bounded"));
        Assert.Equal("0", await AskAsync("plain"));

        static void Tell(ListenOptions listen) => listen.UseSocketHandler(connection =>
        {
            byte[] value = new byte[sizeof(int)];
            connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket.GetRawSocketOption(6, 18, value);
            connection.End(BitConverter.ToInt32(value).ToString(System.Globalization.CultureInfo.InvariantCulture));
        });

        async Task<string> AskAsync(string name)
        {
            using RawClient client = await RawClient.ConnectAsync(host.Server(name));
            return await client.ReceiveTextToEndAsync();
        }
    }

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    [Trait("Row", "A15")]
    public async Task Options_that_mean_nothing_for_an_address_have_no_effect(string address)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => Echo(listen.UseIPv6Only()), address: address);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    [Fact]
    [Trait("Row", "A15")]
    public async Task Options_of_TCP_have_no_effect_on_a_unix_socket()
    {
        string path = Path.Combine(Path.GetTempPath(), $"kss-{Guid.NewGuid():N}.sock");
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => Echo(listen.UseIPv6Only().UseReusePort().UseNoDelay(false).UseKeepAlive(TimeSpan.FromSeconds(9))), address: $"unix://{path}");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path)).Soon();
        await socket.SendAsync("x"u8.ToArray()).Soon();
        Assert.Equal(1, await socket.ReceiveAsync(new byte[1]).Soon());
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));

    // State, queue, backlog, addresses.
    private static async Task<string> BacklogAsync(ISocketServer server)
        => Assert.Single(await Tcp.ListAsync("-ltn", Tcp.PortOf(server))).Split(' ', StringSplitOptions.RemoveEmptyEntries)[2];

    private static async Task<string> TimersAsync(ISocketServer server)
    {
        using RawClient client = await RawClient.ConnectAsync(server);
        await client.SendAsync("x");
        await client.ReceiveExactlyAsync(1);
        return string.Join('\n', await Tcp.ListAsync("-tno", ((IPEndPoint)server.EndPoint!).Port));
    }
}
