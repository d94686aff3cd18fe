using System.Net.Security;
using System.Text;
using KestrelSocketServer.FunctionalTests.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

/// <summary>Behind a real HAProxy and a real nginx, with the configurations of the chapter.</summary>
public sealed class RealProxyTests
{
    [Theory]
    [InlineData("send-proxy", 1, false)]
    [InlineData("send-proxy", 1, true)]
    [InlineData("send-proxy-v2", 2, false)]
    [InlineData("send-proxy-v2", 2, true)]
    [Trait("Row", "G17")]
    public async Task HAProxy_tells_the_addresses_of_its_clients(string option, int version, bool isTls)
    {
        await using ProxiedServer server = await StartAsync(isTls);
        using ProxyProcess proxy = await ProxyProcess.StartHAProxyAsync(1, server.Server, text => text.Replace("send-proxy-v2", option, StringComparison.Ordinal));

        using RawClient client = await proxy.ConnectAsync(TransportOf(isTls));

        await AssertProxiedAsync(server, client, version);
        await AssertNoErrorAsync(server, proxy);
    }

    [Fact]
    [Trait("Row", "G17")]
    public async Task HAProxy_that_ends_TLS_tells_all_of_it()
    {
        await using ProxiedServer server = await StartAsync(isTls: false);
        using ProxyProcess proxy = await ProxyProcess.StartHAProxyAsync(2, server.Server);
        using RawClient client = await proxy.ConnectAsync();
        await using var tls = new SslStream(client.Stream);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "example.com",
            ApplicationProtocols = [new SslApplicationProtocol("echo/1")],
            ClientCertificateContext = SslStreamCertificateContext.Create(TestCertificate.Instance, null),
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.GetCertHashString() == TestCertificate.Instance.GetCertHashString(),
        }).Soon();
        await AssertEchoAsync(tls);

        ISocketConnection connection = await ClientOfAsync(server);
        Assert.Equal((client.LocalAddress, client.RemoteAddress), (connection.RemoteAddress, connection.LocalAddress));
        Assert.Null(connection.Tls);
        IProxyProtocolFeature told = connection.Features.Get<IProxyProtocolFeature>()!;
        Assert.Equal(("example.com", "echo/1"), (told.Authority, told.ApplicationProtocol.ToString()));
        Assert.True(Guid.TryParse(Encoding.ASCII.GetString(told.UniqueId.Span), out _));
        Assert.True(told.Tls is { IsUsed: true, HasClientCertificate: true, IsClientCertificateVerified: true });
        Assert.Equal(("TLSv1.3", "localhost", tls.NegotiatedCipherSuite.ToString()), (told.Tls.Version, told.Tls.CommonName, told.Tls.CipherSuite));
        Assert.True(told.TryGetTlv(0x03, out _));
        await AssertNoErrorAsync(server, proxy);
    }

    [Theory]
    [InlineData("send-proxy", false)]
    [InlineData("send-proxy-v2", true)]
    [Trait("Row", "G17")]
    [Trait("Row", "G18")]
    public async Task A_health_check_of_HAProxy_is_a_connection_with_the_address_of_HAProxy(string option, bool isLocal)
    {
        await using ProxiedServer server = await StartAsync(isTls: false);
        using ProxyProcess proxy = await ProxyProcess.StartHAProxyAsync(1, server.Server, text => text.Replace("send-proxy-v2", option, StringComparison.Ordinal));

        for (int i = 0; i < 3; i++)
        {
            ISocketConnection connection = await server.AcceptedAsync();
            IProxyProtocolFeature check = connection.Features.Get<IProxyProtocolFeature>()!;
            Assert.Equal((isLocal, check.SocketRemoteEndPoint, check.SocketLocalEndPoint), (check.IsLocal, connection.RemoteEndPoint, connection.LocalEndPoint));
        }

        await AssertNoErrorAsync(server, proxy);
    }

    [Theory]
    [InlineData("send-proxy")]
    [InlineData("send-proxy-v2")]
    [Trait("Row", "G18")]
    public async Task A_health_check_of_HAProxy_is_nothing_behind_TLS(string option)
    {
        await using ProxiedServer server = await StartAsync(isTls: true);
        using MetricCollector<double> handshakes = Meters.Collect<double>(server.Host, "socket_server.tls_handshake.duration");
        using ProxyProcess proxy = await ProxyProcess.StartHAProxyAsync(1, server.Server, text => text.Replace("send-proxy-v2", option, StringComparison.Ordinal));

        await WaitForHeadersAsync(server, count: 3);

        proxy.Dispose();
        await server.Host.StopAsync();
        server.AssertNothingElse();
        Assert.Empty(handshakes.GetMeasurementSnapshot());
        Assert.Empty(server.Rejected.GetMeasurementSnapshot());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "G17")]
    public async Task Nginx_tells_the_addresses_of_its_clients(bool isTls)
    {
        await using ProxiedServer server = await StartAsync(isTls);
        using ProxyProcess proxy = await ProxyProcess.StartNginxAsync(1, server.Server);

        using RawClient client = await proxy.ConnectAsync(TransportOf(isTls));

        await AssertProxiedAsync(server, client, version: 1);
        await AssertNoErrorAsync(server, proxy);
    }

    [Fact]
    [Trait("Row", "G17")]
    public async Task Nginx_that_ends_TLS_tells_the_addresses_of_its_clients()
    {
        await using ProxiedServer server = await StartAsync(isTls: false);
        using ProxyProcess proxy = await ProxyProcess.StartNginxAsync(2, server.Server);

        using RawClient client = await proxy.ConnectAsync(TestTransport.Tls);

        await AssertProxiedAsync(server, client, version: 1);
        await AssertNoErrorAsync(server, proxy);
    }

    private static Task<ProxiedServer> StartAsync(bool isTls) => ProxiedServer.StartAsync(
        listen =>
        {
            listen.UseProxyProtocol("127.0.0.1");
            TransportOf(isTls).Configure(listen);
        },
        services: HostSetup.LogDebug);

    private static TestTransport TransportOf(bool isTls) => isTls ? TestTransport.Tls : TestTransport.Plain;

    private static async Task AssertProxiedAsync(ProxiedServer server, RawClient client, int version)
    {
        await AssertEchoAsync(client.Stream);
        ISocketConnection connection = await ClientOfAsync(server);
        Assert.Equal((client.LocalAddress, client.RemoteAddress), (connection.RemoteAddress, connection.LocalAddress));
        IProxyProtocolFeature proxy = connection.Features.Get<IProxyProtocolFeature>()!;
        Assert.Equal(version, proxy.Version);
        Assert.Equal(server.Server.Address, proxy.SocketLocalEndPoint!.ToString());
        Assert.NotEqual(client.LocalAddress, proxy.SocketRemoteEndPoint!.ToString());
    }

    private static async Task AssertEchoAsync(Stream stream)
    {
        await stream.WriteAsync("hello"u8.ToArray()).Soon();
        byte[] answer = new byte[5];
        await stream.ReadExactlyAsync(answer).Soon();
        Assert.Equal("hello"u8, answer);
    }

    // Health checks come in between.
    private static async Task<ISocketConnection> ClientOfAsync(ProxiedServer server)
    {
        while (true)
        {
            ISocketConnection connection = await server.AcceptedAsync();
            if (!Equals(connection.RemoteEndPoint, connection.Features.Get<IProxyProtocolFeature>()!.SocketRemoteEndPoint))
            {
                return connection;
            }
        }
    }

    private static async Task AssertNoErrorAsync(ProxiedServer server, ProxyProcess proxy)
    {
        proxy.Dispose();
        await server.Host.StopAsync();
        server.AssertNoError();
        Assert.Empty(server.Rejected.GetMeasurementSnapshot());
    }

    private static async Task WaitForHeadersAsync(ProxiedServer server, int count)
    {
        using var timeout = new CancellationTokenSource(Timeouts.Generous);
        await foreach (FakeLogRecord record in server.Logs.GetLogsAsync(timeout.Token))
        {
            if (record.Id.Name == "ProxyHeaderRead" && --count == 0)
            {
                return;
            }
        }
    }
}
