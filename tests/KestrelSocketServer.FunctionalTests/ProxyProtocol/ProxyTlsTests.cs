using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

public sealed class ProxyTlsTests
{
    private static readonly byte[] Header = ProxyHeaders.Binary(IPEndPoint.Parse("192.0.2.7:51234"), IPEndPoint.Parse("198.51.100.1:443"));

    public static TheoryData<TestTransport> Transports => [TestTransport.Tls, TestTransport.KestrelTls];

    [Theory]
    [MemberData(nameof(Transports))]
    [Trait("Row", "G17")]
    public async Task TLS_follows_the_header(TestTransport transport)
    {
        await using ProxiedServer server = await StartAsync(transport);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(Header);

        await using Stream stream = await transport.ConnectAsync(client.Socket);

        await AssertEchoAsync(stream);
        ISocketConnection connection = await server.AcceptedAsync();
        Assert.Equal(("192.0.2.7:51234", "198.51.100.1:443"), (connection.RemoteAddress, connection.LocalAddress));
        Assert.NotNull(connection.Tls);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    [Trait("Row", "G17")]
    public async Task The_handshake_may_begin_in_the_segment_of_the_header(TestTransport transport)
    {
        await using ProxiedServer server = await StartAsync(transport);
        using RawClient relayed = await RelayAsync(server);

        await using Stream stream = await transport.ConnectAsync(relayed.Socket);

        await AssertEchoAsync(stream);
        Assert.Equal("192.0.2.7:51234", (await server.AcceptedAsync()).RemoteAddress);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    [Trait("Row", "G17")]
    public async Task A_handshake_that_fails_is_told_with_the_address_of_the_client(TestTransport transport)
    {
        await using ProxiedServer server = await StartAsync(transport);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync((byte[])[.. Header, .. "GET / HTTP/1.1\r\n\r\n"u8]);

        SocketServerError error = await server.ErrorAsync();
        Assert.Equal((SocketServerErrorStage.Handshake, "192.0.2.7:51234"), (error.Stage, error.RemoteAddress));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    [Trait("Row", "G18")]
    public async Task A_health_check_that_leaves_after_its_header_is_no_failed_handshake(TestTransport transport)
    {
        await using ProxiedServer server = await StartAsync(transport);
        using MetricCollector<double> handshakes = Meters.Collect<double>(server.Host, "socket_server.tls_handshake.duration");
        using (RawClient ended = await server.ConnectAsync())
        {
            await ended.SendAsync(ProxyHeaders.Binary(ProxyHeaders.Local, ProxyHeaders.Unspecified, []));
            await ended.ShutdownSendAsync();
            Assert.Empty(await ended.ReceiveToEndAsync());
        }

        using RawClient reset = await server.ConnectAsync();
        await reset.SendAsync(ProxyHeaders.Text("UNKNOWN"));
        reset.Reset();

        // Whatever there was to tell of the clients before is told by then.
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(ProxyHeaders.Binary(ProxyHeaders.Local, ProxyHeaders.Unspecified, []));
        await using (Stream stream = await transport.ConnectAsync(client.Socket))
        {
            await AssertEchoAsync(stream);
        }

        Assert.Equal(client.LocalAddress, (await server.AcceptedAsync()).RemoteAddress);
        await server.Host.StopAsync();
        server.AssertNothingElse();
        Assert.Single(handshakes.GetMeasurementSnapshot());
        Assert.Empty(server.Rejected.GetMeasurementSnapshot());
    }

    private static Task<ProxiedServer> StartAsync(TestTransport transport) => ProxiedServer.StartAsync(listen =>
    {
        listen.UseProxyProtocol("127.0.0.1");
        transport.Configure(listen);
    });

    private static async Task AssertEchoAsync(Stream stream)
    {
        await stream.WriteAsync("hello"u8.ToArray()).Soon();
        byte[] answer = new byte[5];
        await stream.ReadExactlyAsync(answer).Soon();
        Assert.Equal("hello"u8, answer);
    }

    // A client whose first bytes a proxy sends on in one segment with its header.
    private static async Task<RawClient> RelayAsync(ProxiedServer server)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        RawClient client = await RawClient.ConnectAsync(listener.LocalEndPoint!);
        Socket accepted = await listener.AcceptAsync().Soon();
        _ = RelayAsync(accepted, server);
        return client;
    }

    private static async Task RelayAsync(Socket accepted, ProxiedServer server)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.Server.EndPoint!);
        await using var near = new NetworkStream(accepted, ownsSocket: true);
        await using var far = new NetworkStream(socket);
        byte[] first = new byte[16 * 1024];
        int length = await near.ReadAsync(first);
        await far.WriteAsync((byte[])[.. Header, .. first.AsSpan(0, length)]);
        await Task.WhenAny(near.CopyToAsync(far), far.CopyToAsync(near));
    }
}
