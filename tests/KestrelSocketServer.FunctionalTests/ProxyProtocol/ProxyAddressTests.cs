using System.Net;
using System.Net.Sockets;
using System.Text;
using KestrelSocketServer.FunctionalTests.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

[Trait("Row", "G17")]
public sealed class ProxyAddressTests
{
    private static readonly IPEndPoint Client4 = IPEndPoint.Parse("192.0.2.7:51234");
    private static readonly IPEndPoint Server4 = IPEndPoint.Parse("198.51.100.1:443");
    private static readonly IPEndPoint Client6 = IPEndPoint.Parse("[2001:db8::7]:51234");
    private static readonly IPEndPoint Server6 = IPEndPoint.Parse("[2001:db8::1]:443");

    public static TheoryData<string, byte[], string?, string> Told => new()
    {
        { "1 TCP4", ProxyHeaders.Text(Client4, Server4), "192.0.2.7:51234", "198.51.100.1:443" },
        { "1 TCP6", ProxyHeaders.Text(Client6, Server6), "[2001:db8::7]:51234", "[2001:db8::1]:443" },
        { "2 TCP4", ProxyHeaders.Binary(Client4, Server4), "192.0.2.7:51234", "198.51.100.1:443" },
        { "2 TCP6", ProxyHeaders.Binary(Client6, Server6), "[2001:db8::7]:51234", "[2001:db8::1]:443" },
        { "2 UNIX", ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.UnixStream, ProxyHeaders.UnixAddresses("/run/client", "/run/server")), "/run/client", "/run/server" },
        { "2 UNIX unnamed", ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.UnixStream, ProxyHeaders.UnixAddresses("", "/run/server")), null, "/run/server" },
        { "2 TCP4 mapped", ProxyHeaders.Binary(new IPEndPoint(Client4.Address.MapToIPv6(), 5), Server6), "192.0.2.7:5", "[2001:db8::1]:443" },
    };

    public static TheoryData<string, byte[], bool> Untold => new()
    {
        { "1 UNKNOWN", ProxyHeaders.Text("UNKNOWN"), false },
        { "1 UNKNOWN with a rest", ProxyHeaders.Text("UNKNOWN ffff::1 ffff::2 1 2"), false },
        { "2 UNSPEC", ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.Unspecified, []), false },
        { "2 LOCAL", ProxyHeaders.Binary(ProxyHeaders.Local, ProxyHeaders.Unspecified, []), true },
        { "2 LOCAL with a rest", ProxyHeaders.Binary(ProxyHeaders.Local, ProxyHeaders.Tcp4, ProxyHeaders.Addresses(Client4, Server4)), true },
    };

    [Theory]
    [MemberData(nameof(Told))]
    public async Task A_connection_has_the_addresses_that_the_proxy_tells(string header, byte[] bytes, string? remote, string local)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(bytes);

        ISocketConnection connection = await server.AcceptedAsync();
        Assert.Equal((remote, local), (connection.RemoteAddress, connection.LocalAddress));
        IProxyProtocolFeature proxy = connection.Features.Get<IProxyProtocolFeature>()!;
        Assert.Equal(header[0] - '0', proxy.Version);
        Assert.False(proxy.IsLocal);
        Assert.Equal(client.LocalAddress, proxy.SocketRemoteEndPoint!.ToString());
        Assert.Equal(client.RemoteAddress, proxy.SocketLocalEndPoint!.ToString());
        await AssertEchoAsync(client);
    }

    [Theory]
    [MemberData(nameof(Untold))]
    public async Task A_connection_keeps_the_addresses_of_the_socket_where_the_proxy_tells_none(string header, byte[] bytes, bool isLocal)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(bytes);

        ISocketConnection connection = await server.AcceptedAsync();
        Assert.Equal((client.LocalAddress, client.RemoteAddress), (connection.RemoteAddress, connection.LocalAddress));
        IProxyProtocolFeature proxy = connection.Features.Get<IProxyProtocolFeature>()!;
        Assert.Equal((header[0] - '0', isLocal), (proxy.Version, proxy.IsLocal));
        await AssertEchoAsync(client);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_header_may_arrive_byte_by_byte(int version)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();

        foreach (byte one in HeaderOf(version))
        {
            await client.SendAsync(new[] { one });
        }

        Assert.Equal("192.0.2.7:51234", (await server.AcceptedAsync()).RemoteAddress);
        await AssertEchoAsync(client);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task What_follows_the_header_in_the_same_segment_is_the_first_data(int version)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync((byte[])[.. HeaderOf(version), .. "hello"u8]);

        Assert.Equal("hello", await client.ReceiveTextAsync(5));
        await client.ShutdownSendAsync();
        Assert.Empty(await client.ReceiveToEndAsync());
    }

    [Fact]
    public async Task What_a_proxy_says_of_its_client_can_be_asked_for()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();
        byte[] tls =
        [
            0b101, 0, 0, 0, 0,
            .. ProxyHeaders.Tlv(0x21, "TLSv1.3"), .. ProxyHeaders.Tlv(0x22, "Änne"), .. ProxyHeaders.Tlv(0x23, "TLS_AES_256_GCM_SHA384"), .. ProxyHeaders.Tlv(0x24, "SHA256"),
        ];

        await client.SendAsync(ProxyHeaders.WithChecksum(ProxyHeaders.Binary(
            Client4,
            Server4,
            ProxyHeaders.Tlv(0x01, "h2"),
            ProxyHeaders.Tlv(0x02, "example.com"),
            ProxyHeaders.Tlv(0x04, 0, 0),
            ProxyHeaders.Tlv(0x05, 1, 2, 3),
            ProxyHeaders.Tlv(0x20, tls),
            ProxyHeaders.Tlv(0xEA, "first"),
            ProxyHeaders.Tlv(0xEA, "second"))));

        IProxyProtocolFeature proxy = (await server.AcceptedAsync()).Features.Get<IProxyProtocolFeature>()!;
        Assert.Equal("h2", proxy.ApplicationProtocol.ToString());
        Assert.Equal("example.com", proxy.Authority);
        Assert.Equal(new byte[] { 1, 2, 3 }, proxy.UniqueId.ToArray());
        Assert.True(proxy.Tls is { IsUsed: true, HasClientCertificate: true, IsClientCertificateVerified: true });
        Assert.Equal(("TLSv1.3", "Änne", "TLS_AES_256_GCM_SHA384"), (proxy.Tls.Version, proxy.Tls.CommonName, proxy.Tls.CipherSuite));
        Assert.True(proxy.TryGetTlv(0xEA, out ReadOnlyMemory<byte> value));
        Assert.Equal("first", Encoding.UTF8.GetString(value.Span));
        Assert.False(proxy.TryGetTlv(0xEB, out _));
        Assert.Equal(new byte[] { 0x01, 0x02, 0x04, 0x05, 0x20, 0xEA, 0xEA, 0x03 }, proxy.Tlvs.Select(tlv => tlv.Type));
    }

    [Fact]
    public async Task What_a_proxy_does_not_say_is_null()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(HeaderOf(1));

        IProxyProtocolFeature proxy = (await server.AcceptedAsync()).Features.Get<IProxyProtocolFeature>()!;
        Assert.Null(proxy.ApplicationProtocol);
        Assert.Null(proxy.Authority);
        Assert.Null(proxy.Tls);
        Assert.True(proxy.UniqueId.IsEmpty);
        Assert.Empty(proxy.Tlvs);
    }

    [Theory]
    [InlineData("[::1]:0", "::1")]
    [InlineData("[::]:0", "127.0.0.1")]
    public async Task A_proxy_is_known_by_IPv6_and_on_all_interfaces_by_IPv4(string address, string proxy)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync(listen => listen.UseProxyProtocol(proxy), address);
        using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Parse(proxy), ((IPEndPoint)server.Server.EndPoint!).Port));

        await client.SendAsync(HeaderOf(1));

        Assert.Equal("192.0.2.7:51234", (await server.AcceptedAsync()).RemoteAddress);
        await AssertEchoAsync(client);
    }

    [Fact]
    public async Task A_proxy_may_come_by_a_Unix_domain_socket()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("socket-server-");
        try
        {
            string path = Path.Combine(folder.FullName, "app.sock");
            await using ProxiedServer server = await ProxiedServer.StartAsync(static listen => listen.UseProxyProtocol("unix"), $"unix://{path}");
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path)).Soon();

            await socket.SendAsync(HeaderOf(2)).Soon();

            Assert.Equal("192.0.2.7:51234", (await server.AcceptedAsync()).RemoteAddress);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Logs_metrics_and_errors_tell_the_addresses_of_the_client()
    {
        await using TestHost host = await TestHost.StartAsync(
            server => server.Listen("test", 0, listen => listen.UseProxyProtocol("127.0.0.1").UseSocketHandler(
                static connection => connection.Data += _ => throw new InvalidOperationException("on purpose"))),
            HostSetup.LogDebug);
        using MetricCollector<double> duration = Meters.Collect<double>(host, "socket_server.connection.duration");
        var errors = new TaskCompletionSource<SocketServerError>(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Server("test").Error += error => errors.TrySetResult(error);
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));

        await client.SendAsync((byte[])[.. HeaderOf(2), 1]);

        Assert.Equal("192.0.2.7:51234", (await errors.Task.Soon()).RemoteAddress);
        await duration.WaitForMeasurementsAsync(1).Soon();
        CollectedMeasurement<double> measurement = duration.LastMeasurement!;
        Assert.Equal(("198.51.100.1", 443), (measurement.Tags["server.address"], measurement.Tags["server.port"]));
        FakeLogRecord read = Assert.Single(host.Logs.GetSnapshot(), record => record.Id.Name == "ProxyHeaderRead");
        Assert.Contains($"the proxy {client.LocalAddress} speaks for 192.0.2.7:51234", read.Message, StringComparison.Ordinal);
    }

    private static byte[] HeaderOf(int version) => version == 1 ? ProxyHeaders.Text(Client4, Server4) : ProxyHeaders.Binary(Client4, Server4);

    private static async Task AssertEchoAsync(RawClient client)
    {
        await client.SendAsync("hello");
        Assert.Equal("hello", await client.ReceiveTextAsync(5));
    }
}
