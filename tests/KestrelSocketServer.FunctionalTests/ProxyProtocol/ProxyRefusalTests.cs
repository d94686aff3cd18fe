using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Diagnostics;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

[Trait("Row", "G18")]
public sealed class ProxyRefusalTests
{
    private static readonly byte[] Header = ProxyHeaders.Binary(IPEndPoint.Parse("192.0.2.7:51234"), IPEndPoint.Parse("198.51.100.1:443"));

    public static TheoryData<string, byte[], string> Wrong => new()
    {
        { "HTTP", "GET / HTTP/1.1\r\n\r\n"u8.ToArray(), "missing" },
        { "one other byte", [1], "missing" },
        { "another protocol", ProxyHeaders.Text("UDP4 192.0.2.7 198.51.100.1 51234 443"), "malformed" },
        { "a host name", ProxyHeaders.Text("TCP4 example.com 198.51.100.1 51234 443"), "malformed" },
        { "version 1 without an end", "PROXY TCP4 "u8.ToArray().Concat(Enumerable.Repeat((byte)'1', 100)).ToArray(), "too_long" },
        { "version 3", ProxyHeaders.Binary(0x31, ProxyHeaders.Tcp4, new byte[12]), "malformed" },
        { "another command", ProxyHeaders.Binary(0x22, ProxyHeaders.Tcp4, new byte[12]), "malformed" },
        { "another family", ProxyHeaders.Binary(ProxyHeaders.Proxy, 0x41, new byte[12]), "malformed" },
        { "half an address", ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.Tcp6, new byte[12]), "malformed" },
        { "half a value", ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.Unspecified, [], [0x02, 0, 9, 1]), "malformed" },
        { "a wrong checksum", ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.Unspecified, [], ProxyHeaders.Tlv(0x03, 1, 2, 3, 4)), "malformed" },
        { "version 2 of 20 KB", ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.Unspecified, [], ProxyHeaders.Tlv(0xEA, new byte[20_000])), "too_long" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_trusted_proxy_with_a_wrong_header_is_refused_counted_and_told(string header, byte[] bytes, string reason)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(bytes);

        await AssertRefusedAsync(server, client, reason, header);
    }

    [Theory]
    [InlineData(0, "missing")]
    [InlineData(1, "malformed")]
    [InlineData(17, "malformed")]
    public async Task A_trusted_proxy_that_leaves_before_its_header_is_complete_is_refused(int bytes, string reason)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(Header.AsMemory(0, bytes));
        await client.ShutdownSendAsync();

        await AssertRefusedAsync(server, client, reason, $"{bytes} bytes");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(17)]
    public async Task A_header_that_is_late_is_refused(int bytes)
    {
        var time = new WatchedTime(TimeSpan.FromSeconds(7));
        await using ProxiedServer server = await ProxiedServer.StartAsync(
            static listen => listen.UseProxyProtocol(static proxy =>
            {
                proxy.TrustedProxies.Add("127.0.0.1");
                proxy.HeaderTimeout = TimeSpan.FromSeconds(7);
            }),
            services: services => services.AddSingleton<TimeProvider>(time));
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(Header.AsMemory(0, bytes));

        await time.TimerAsync();
        time.Advance(TimeSpan.FromSeconds(7));

        await AssertRefusedAsync(server, client, "late", $"{bytes} bytes");
    }

    [Fact]
    public async Task Refusals_for_one_reason_are_told_once_in_ten_seconds_with_their_number_and_counted_each()
    {
        var time = new WatchedTime(TimeSpan.Zero);
        await using ProxiedServer server = await ProxiedServer.StartAsync(
            static listen => listen.UseProxyProtocol("127.0.0.1"), services: services => services.AddSingleton<TimeProvider>(time));

        for (int count = 1; count <= 5; count++)
        {
            if (count == 5)
            {
                time.Advance(TimeSpan.FromSeconds(10));
            }

            using RawClient client = await server.ConnectAsync();
            await client.SendAsync("garbage");
            await server.Rejected.WaitForMeasurementsAsync(count).Soon();
        }

        Assert.DoesNotContain("such clients", (await server.ErrorAsync()).Exception.Message, StringComparison.Ordinal);
        Assert.Contains("There were 4 such clients", (await server.ErrorAsync()).Exception.Message, StringComparison.Ordinal);
        await server.Host.StopAsync();
        server.AssertNothingElse();
        Assert.Equal(2, server.Logs.GetSnapshot().Count(record => record.Id.Name == "ProxyRefused"));
    }

    [Fact]
    public async Task A_header_from_anyone_else_is_plain_data_where_it_is_allowed()
    {
        await using ProxiedServer server = await StartWithAsync(ProxyProtocolMode.Allow);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(Header);

        ISocketConnection connection = await server.AcceptedAsync();
        Assert.Equal((client.LocalAddress, client.RemoteAddress), (connection.RemoteAddress, connection.LocalAddress));
        Assert.Null(connection.Features.Get<IProxyProtocolFeature>());
        Assert.Equal(Header, await client.ReceiveExactlyAsync(Header.Length));
    }

    [Fact]
    public async Task A_trusted_proxy_has_to_send_a_header_where_others_need_not()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync(static listen => listen.UseProxyProtocol(static proxy =>
        {
            proxy.Mode = ProxyProtocolMode.Allow;
            proxy.TrustedProxies.Add("127.0.0.1");
        }));
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("hello");

        await AssertRefusedAsync(server, client, "missing", "plain data");
    }

    [Fact]
    public async Task Anyone_else_is_refused_where_a_header_is_required()
    {
        await using ProxiedServer server = await StartWithAsync(ProxyProtocolMode.Require);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string address = socket.LocalEndPoint!.ToString()!;

        await AssertRefusedAsync(socket, server.Server.EndPoint!);

        SocketServerError error = await server.ErrorAsync();
        Assert.Equal((SocketServerErrorStage.ProxyProtocol, address), (error.Stage, error.RemoteAddress));
        Assert.IsType<UnauthorizedAccessException>(error.Exception);
        Assert.Equal("proxy_untrusted", Assert.Single(server.Rejected.GetMeasurementSnapshot()).Tags["socket_server.rejection_reason"]);
        Assert.Contains(address, Assert.Single(server.Logs.GetSnapshot(), record => record.Id.Name == "DirectClientRefused").Message, StringComparison.Ordinal);
        await server.Host.StopAsync();
        server.AssertNothingElse();
    }

    [Fact]
    public async Task A_proxy_that_is_silent_when_the_server_stops_is_no_error()
    {
        var time = new WatchedTime(TimeSpan.FromSeconds(10));
        await using ProxiedServer server = await ProxiedServer.StartAsync(
            static listen => listen.UseProxyProtocol("127.0.0.1"), services: services => services.AddSingleton<TimeProvider>(time));
        using RawClient client = await server.ConnectAsync();
        await time.TimerAsync();

        Task stopping = server.Host.StopAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        await stopping;

        server.AssertNothingElse();
        Assert.Empty(server.Rejected.GetMeasurementSnapshot());
    }

    private static Task<ProxiedServer> StartWithAsync(ProxyProtocolMode mode) => ProxiedServer.StartAsync(listen => listen.UseProxyProtocol(proxy =>
    {
        proxy.Mode = mode;
        proxy.TrustedProxies.Add("192.0.2.0/24");
    }));

    private static async Task AssertRefusedAsync(ProxiedServer server, RawClient client, string reason, string what)
    {
        await AssertClosedAsync(client);
        SocketServerError error = await server.ErrorAsync();
        Assert.Equal((what, SocketServerErrorStage.ProxyProtocol, client.LocalAddress), (what, error.Stage, error.RemoteAddress));
        Assert.Equal(reason == "late" ? typeof(TimeoutException) : typeof(InvalidDataException), error.Exception.GetType());

        Assert.Equal(
            new Dictionary<string, object?>
            {
                ["socket_server.endpoint"] = "test",
                ["network.transport"] = "tcp",
                ["server.address"] = "127.0.0.1",
                ["server.port"] = Tcp.PortOf(server.Server),
                ["socket_server.rejection_reason"] = $"proxy_header_{reason}",
            },
            Meters.TagsOf(Assert.Single(server.Rejected.GetMeasurementSnapshot())));
        FakeLogRecord log = Assert.Single(server.Logs.GetSnapshot(), record => record.Id.Name == "ProxyRefused");
        Assert.Equal(LogLevel.Warning, log.Level);
        Assert.Contains(error.Exception.Message, log.Message, StringComparison.Ordinal);

        await server.Host.StopAsync();
        server.AssertNothingElse();
    }

    // The reset may come before the client has seen that it is connected.
    private static async Task AssertRefusedAsync(Socket socket, EndPoint endPoint)
    {
        try
        {
            await socket.ConnectAsync(endPoint).Soon();
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).Soon());
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
        }
    }

    // With a reset or not, as the system has it.
    private static async Task AssertClosedAsync(RawClient client)
    {
        try
        {
            Assert.Empty(await client.ReceiveToEndAsync());
        }
        catch (IOException)
        {
        }
    }
}
