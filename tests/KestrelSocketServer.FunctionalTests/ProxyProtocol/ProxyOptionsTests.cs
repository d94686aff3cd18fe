using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KestrelSocketServer.FunctionalTests.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

/// <summary>How the PROXY protocol is asked for, in code and in configuration.</summary>
public sealed class ProxyOptionsTests
{
    private static readonly byte[] Header = ProxyHeaders.Text(IPEndPoint.Parse("192.0.2.7:51234"), IPEndPoint.Parse("198.51.100.1:443"));

    public static TheoryData<string, string[], Action<ListenOptions>> Mistakes => new()
    {
        { "after TLS", ["'test'", "UseProxyProtocol before UseHttps"], listen => Echo(listen.UseHttps(TlsCertificate.From(TestCertificate.Instance)).UseProxyProtocol("::1")) },
        { "after Kestrel's TLS", ["'test'", "UseProxyProtocol before UseHttps"], listen => Echo(listen.UseHttps(TestCertificate.Instance).UseProxyProtocol("::1")) },
        { "after the handler", ["'test'", "UseProxyProtocol before UseSocketHandler"], listen => Echo(listen).UseProxyProtocol("::1") },
        { "no proxies", ["'test'", "TrustedProxies names nobody"], listen => Echo(listen.UseProxyProtocol()) },
        { "a host name", ["'test'", "'proxy.example.com'", "10.0.0.0/8"], listen => Echo(listen.UseProxyProtocol("10.0.0.1", "proxy.example.com")) },
        { "no time", ["'test'", "HeaderTimeout is 00:00:00"], listen => Echo(listen.UseProxyProtocol(proxy => { proxy.TrustedProxies.Add("::1"); proxy.HeaderTimeout = TimeSpan.Zero; })) },
        { "no mode", ["'test'", "Mode is 7"], listen => Echo(listen.UseProxyProtocol(proxy => { proxy.TrustedProxies.Add("::1"); proxy.Mode = (ProxyProtocolMode)7; })) },
    };

    public static TheoryData<string, object, string[]> ConfiguredMistakes => new()
    {
        { "no proxies", new { Mode = "Require" }, ["SocketServer:Endpoints:Echo:ProxyProtocol:TrustedProxies: names nobody", "10.0.0.0/8"] },
        { "an unknown mode", new { Mode = "Always", TrustedProxies = new[] { "::1" } }, ["SocketServer:Endpoints:Echo:ProxyProtocol:Mode: 'Always'", "Off, Allow, Require"] },
        { "a host name", new { Mode = "Allow", TrustedProxies = new[] { "::1", "localhost" } }, ["SocketServer:Endpoints:Echo:ProxyProtocol:TrustedProxies:1: 'localhost'", "10.0.0.0/8"] },
        { "bits after the prefix", new { Mode = "Allow", TrustedProxies = new[] { "10.0.0.1/8" } }, ["TrustedProxies:0: '10.0.0.1/8'", "bits after the prefix are zero"] },
        { "no time", new { HeaderTimeout = "00:00:00" }, ["SocketServer:Endpoints:Echo:ProxyProtocol:HeaderTimeout: '00:00:00'", "at least"] },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    [Trait("Row", "H5")]
    [Trait("Row", "G17")]
    public async Task Mistakes_in_code_fail_the_start_and_are_told(string mistake, string[] told, Action<ListenOptions> configure)
    {
        var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => TestHost.StartAsync(server => server.Listen("test", 0, configure)));

        Assert.All(told, part => Assert.True(exception.Message.Contains(part, StringComparison.Ordinal), $"{mistake}: {exception.Message}"));
    }

    [Fact]
    [Trait("Row", "G18")]
    public async Task A_Unix_domain_socket_whose_clients_nobody_trusts_fails_the_start_where_a_header_is_required()
    {
        var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => TestHost.StartAsync(
            server => server.Listen("test", "unix:///tmp/never.sock", listen => Echo(listen.UseProxyProtocol("10.0.0.0/8")))));

        Assert.Contains("add unix to TrustedProxies", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(ConfiguredMistakes))]
    [Trait("Row", "K2")]
    [Trait("Row", "G17")]
    public async Task Mistakes_in_configuration_are_told_by_their_path(string mistake, object proxy, string[] told)
    {
        var exception = await Assert.ThrowsAsync<OptionsValidationException>(() => StartConfiguredAsync(new { Url = "0", ProxyProtocol = proxy }));

        Assert.All(told, part => Assert.True(exception.Message.Contains(part, StringComparison.Ordinal), $"{mistake}: {exception.Message}"));
    }

    [Fact]
    [Trait("Row", "G17")]
    [Trait("Row", "K4")]
    public async Task Configuration_turns_it_on_and_a_change_holds_for_new_connections()
    {
        await using ConfiguredApp app = await StartConfiguredAsync(new { Url = "127.0.0.1:0" });
        int port = app.PortOf("Echo");
        using TcpClient before = await app.ConnectAsync("Echo");
        using var reader = new StreamReader(before.GetStream());
        Assert.Equal($"127.0.0.1:{((IPEndPoint)before.Client.LocalEndPoint!).Port}", await reader.ReadLineAsync().Soon());

        var reloaded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Servers.Reloaded += reloaded.SetResult;
        app.Write(Settings(new { Url = "127.0.0.1:0", ProxyProtocol = new { Mode = "Require", TrustedProxies = new[] { "127.0.0.1" } } }));
        await reloaded.Task.Soon();

        Assert.Equal(port, app.PortOf("Echo"));
        Assert.Equal("192.0.2.7:51234", await AskForAddressAsync(app));
        Assert.Equal("hello", await ConfiguredApp.AskAsync(before, "hello"));
    }

    [Fact]
    [Trait("Row", "G17")]
    [Trait("Row", "K1")]
    public async Task A_list_of_an_endpoint_replaces_that_of_the_defaults()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new
            {
                SocketServer = new
                {
                    EndpointDefaults = new { ProxyProtocol = new { Mode = "Allow", TrustedProxies = new[] { "10.0.0.0/8", "127.0.0.1" } } },
                    Endpoints = new
                    {
                        Echo = new { Url = "127.0.0.1:0" },
                        Direct = new { Url = "127.0.0.1:0", ProxyProtocol = new { TrustedProxies = new[] { "10.0.0.0/8" } } },
                    },
                },
            },
            static builder => builder.Services.AddSocketServer(static server =>
            {
                Greet(server.Endpoint("Echo"));
                Greet(server.Endpoint("Direct"));
            }));

        Assert.Equal("192.0.2.7:51234", await AskForAddressAsync(app));
        using TcpClient direct = await app.ConnectAsync("Direct");
        using var reader = new StreamReader(direct.GetStream());
        Assert.Equal($"127.0.0.1:{((IPEndPoint)direct.Client.LocalEndPoint!).Port}", await reader.ReadLineAsync().Soon());
    }

    [Fact]
    [Trait("Row", "G17")]
    [Trait("Row", "K5")]
    public async Task Code_prevails_over_configuration()
    {
        await using ConfiguredApp app = await StartConfiguredAsync(
            new { Url = "127.0.0.1:0", ProxyProtocol = new { Mode = "Require", TrustedProxies = new[] { "10.0.0.0/8" } } },
            static endpoint => endpoint.Configure(static listen => listen.UseProxyProtocol("127.0.0.1")));

        Assert.Equal("192.0.2.7:51234", await AskForAddressAsync(app));
    }

    [Fact]
    [Trait("Row", "G17")]
    [Trait("Row", "K5")]
    public async Task Code_asks_for_it_where_configuration_has_the_certificate()
    {
        string pem = TestCertificate.Instance.ExportCertificatePem() + "\n" + TestCertificate.Instance.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new Dictionary<string, string> { ["server.pem"] = pem },
            Settings(new { Url = "tls://127.0.0.1:0", Certificate = new { Path = "server.pem" } }),
            static builder => builder.Services.AddSocketServer(static server => Greet(server.Endpoint("Echo").Configure(static listen => listen.UseProxyProtocol("127.0.0.1")))));
        using TcpClient client = await app.ConnectAsync("Echo");
        await client.GetStream().WriteAsync(Header).Soon();

        await using Stream stream = await TestTransport.Tls.ConnectAsync(client.Client);

        using var reader = new StreamReader(stream);
        Assert.Equal("192.0.2.7:51234", await reader.ReadLineAsync().Soon());
    }

    [Fact]
    [Trait("Row", "G17")]
    public async Task It_works_on_the_application_s_own_Kestrel_for_sockets_and_for_HTTP()
    {
        await using TestHost host = await TestHost.StartWebAsync(
            build: static builder => builder.WebHost.ConfigureKestrel(static kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.UseProxyProtocol("127.0.0.1").UseSocketHandler(Greet));
                kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.UseProxyProtocol("127.0.0.1"));
            }),
            map: static app => app.MapGet("/", static (HttpContext context) => $"{context.Connection.RemoteIpAddress}:{context.Connection.RemotePort}"));
        Uri[] addresses = [.. host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address))];

        using RawClient socket = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, addresses[0].Port));
        await socket.SendAsync(Header);
        using var reader = new StreamReader(socket.Stream);
        Assert.Equal("192.0.2.7:51234", await reader.ReadLineAsync().Soon());

        using RawClient http = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, addresses[1].Port));
        await http.SendAsync((byte[])[.. Header, .. "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"u8]);
        Assert.Contains("192.0.2.7:51234", await http.ReceiveTextToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "G18")]
    public async Task A_refusal_on_the_application_s_own_Kestrel_is_counted_and_logged()
    {
        await using TestHost host = await TestHost.StartWebAsync(build: static builder => builder.WebHost.ConfigureKestrel(static kestrel
            => kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.UseProxyProtocol("127.0.0.1").UseSocketHandler(Greet))));
        using var rejected = Diagnostics.Meters.Collect<long>(host, "socket_server.rejected_connections");
        Uri address = new(host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port));

        await client.SendAsync("garbage");

        await rejected.WaitForMeasurementsAsync(1).Soon();
        Assert.Equal("proxy_header_missing", rejected.LastMeasurement!.Tags["socket_server.rejection_reason"]);
    }

    private static ListenOptions Echo(ListenOptions listen) => listen.UseSocketHandler(static connection => connection.Pipe(connection));

    private static void Greet(ISocketConnection connection)
    {
        connection.Write(Encoding.UTF8.GetBytes(connection.RemoteAddress + "\n"));
        connection.Pipe(connection);
    }

    private static void Greet(SocketEndpointBuilder endpoint) => endpoint.UseSocketHandler(Greet);

    private static object Settings(object endpoint) => new { SocketServer = new { Endpoints = new { Echo = endpoint } } };

    private static Task<ConfiguredApp> StartConfiguredAsync(object endpoint, Action<SocketEndpointBuilder>? configure = null)
        => ConfiguredApp.StartAsync(Settings(endpoint), builder => builder.Services.AddSocketServer(server =>
        {
            SocketEndpointBuilder echo = server.Endpoint("Echo");
            configure?.Invoke(echo);
            Greet(echo);
        }));

    private static async Task<string?> AskForAddressAsync(ConfiguredApp app)
    {
        using TcpClient client = await app.ConnectAsync("Echo");
        await client.GetStream().WriteAsync(Header).Soon();
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadLineAsync().Soon();
    }
}
