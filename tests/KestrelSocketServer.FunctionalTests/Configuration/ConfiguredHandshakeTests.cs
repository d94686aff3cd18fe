using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using KestrelSocketServer.FunctionalTests.Tls;

namespace KestrelSocketServer.FunctionalTests.Configuration;

/// <summary>Handshakes with the options that configuration sets.</summary>
[Trait("Row", "K1")]
public sealed class ConfiguredHandshakeTests
{
    [Theory]
    [InlineData("Tls12", SslProtocols.Tls12, SslProtocols.Tls13)]
    [InlineData("Tls13", SslProtocols.Tls13, SslProtocols.Tls12)]
    [InlineData("Tls12 Tls13", SslProtocols.Tls13, null)]
    [InlineData("Tls12 Tls13", SslProtocols.Tls12, null)]
    [Trait("Row", "T9")]
    public async Task Versions_are_allowed_by_name(string names, SslProtocols allowed, SslProtocols? refused)
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["SslProtocols"] = names.Split(' ') });

        await using TlsClient client = await server.ConnectAsync(options => options.EnabledSslProtocols = allowed);
        Assert.Equal(allowed, client.SslProtocol);
        Assert.Equal(allowed, (await server.ConnectionAsync()).Connection.Tls!.Protocol);
        if (refused is not null)
        {
            Assert.IsType<AuthenticationException>(await server.AssertRefusesAsync(options => options.EnabledSslProtocols = refused.Value));
        }
    }

    [Theory]
    [InlineData(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)]
    [InlineData(TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384)]
    [InlineData(TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_AES_128_GCM_SHA256)]
    [Trait("Row", "T9")]
    public async Task Cipher_suites_are_allowed_by_name(TlsCipherSuite allowed, TlsCipherSuite refused)
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["CipherSuites"] = new[] { allowed.ToString() } });

        await using TlsClient client = await server.ConnectAsync();
        Assert.Equal(allowed, client.NegotiatedCipherSuite);
        Assert.Equal(allowed, (await server.ConnectionAsync()).Connection.Tls!.CipherSuite);
#pragma warning disable CA1416 // Cipher suites cannot be set on Windows at all.
        var others = new CipherSuitesPolicy([refused]);
        Assert.IsType<AuthenticationException>(await server.AssertRefusesAsync(options => options.CipherSuitesPolicy = others));
#pragma warning restore CA1416
    }

    [Fact]
    [Trait("Row", "T9")]
    [Trait("Row", "T10")]
    public async Task The_first_application_protocol_that_the_client_offers_too_is_agreed_on()
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["ApplicationProtocols"] = new[] { "echo/3", "echo/2", "echo/1" } });

        await using TlsClient client = await server.ConnectAsync(options => options.ApplicationProtocols = [new("echo/1"), new("echo/2")]);
        Assert.Equal("echo/2", client.NegotiatedApplicationProtocol.ToString());
        Assert.Equal("echo/2", (await server.ConnectionAsync()).Connection.Tls!.ApplicationProtocol);
        Assert.IsType<AuthenticationException>(await server.AssertRefusesAsync(options => options.ApplicationProtocols = [new("other")]));
    }

    [Theory]
    [InlineData("NoCertificate", true, false)]
    [InlineData("AllowCertificate", false, false)]
    [InlineData("AllowCertificate", true, true)]
    [InlineData("RequireCertificate", true, true)]
    [Trait("Row", "T9")]
    [Trait("Row", "T10")]
    public async Task A_client_that_presents_a_certificate_where_it_may_is_served(string mode, bool presents, bool seen)
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("client");
        await using ConfiguredTlsServer server = await StartWithClientsAsync(mode);

        await using TlsClient client = await server.ConnectAsync(presents ? Presenting(certificate) : null);
        await TlsServer.AssertEchoAsync(client);
        Assert.Equal(seen ? certificate : null, (await server.ConnectionAsync()).Connection.Tls!.ClientCertificate);
    }

    [Theory]
    [InlineData("AllowCertificate", true, "CN=stranger is not trusted")]
    [InlineData("RequireCertificate", true, "CN=stranger is not trusted")]
    [InlineData("RequireCertificate", false, "presented no certificate")]
    [Trait("Row", "T4")]
    [Trait("Row", "T9")]
    public async Task A_client_without_the_certificate_that_it_needs_is_refused(string mode, bool presents, string message)
    {
        using X509Certificate2 stranger = TestPki.Other.Issue("stranger");
        await using ConfiguredTlsServer server = await StartWithClientsAsync(mode);

        Exception refusal = await server.AssertRefusesAsync(presents ? Presenting(stranger) : null);
        Assert.Contains(message, Assert.IsType<AuthenticationException>(refusal).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Row", "T9")]
    public async Task A_self_signed_client_is_served_on_demand_only(bool allowed)
    {
        using X509Certificate2 certificate = TestPki.SelfSigned("client");
        await using ConfiguredTlsServer server = await StartWithClientsAsync("RequireCertificate", ("AllowSelfSignedClientCertificates", allowed));

        if (allowed)
        {
            await server.AssertServesAsync(Presenting(certificate));
        }
        else
        {
            Assert.Contains("CN=client is not trusted", (await server.AssertRefusesAsync(Presenting(certificate))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_client_whose_authority_cannot_tell_of_revocations_is_refused_where_it_is_asked()
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("client");
        await using ConfiguredTlsServer server = await StartWithClientsAsync("RequireCertificate", ("CheckClientCertificateRevocation", true));

        Assert.Contains("RevocationStatusUnknown", (await server.AssertRefusesAsync(Presenting(certificate))).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "K4")]
    [Trait("Row", "T5")]
    public async Task A_silent_client_is_closed_and_told_after_the_time_out()
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["HandshakeTimeout"] = "00:00:00.3" });
        long start = Stopwatch.GetTimestamp();
        using Socket silent = await TlsClient.ConnectTcpAsync(server.Address);
        SocketServerError error = await server.ErrorAsync();
        await TlsServer.AssertClosedAsync(silent);

        // Without the key it takes 10 seconds.
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(9));
        Assert.IsType<TimeoutException>(error.Exception);
        Assert.Equal((SocketServerErrorStage.Handshake, silent.LocalEndPoint!.ToString()), (error.Stage, error.RemoteAddress));

        await server.ReconfigureAsync(new() { ["HandshakeTimeout"] = "00:01:00" });
        await server.AssertServesAsync();
        server.AssertNothingHappened();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Row", "C4")]
    [Trait("Row", "T9")]
    public async Task An_end_without_goodbye_is_an_error_on_demand_only(bool required)
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["RequireCloseNotify"] = required });
        TlsClient client = await server.ConnectAsync();
        await TlsServer.AssertEchoAsync(client);
        EventRecorder recorder = await server.ConnectionAsync();

        await client.DisposeAsync();
        await recorder.Closed;
        Assert.Equal(["data", required ? "error" : "end", "close"], recorder.Events);
        Assert.True(recorder.Connection.Tls!.IsTruncated);
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task An_endpoint_takes_the_defaults_and_its_own_lists_in_place_of_theirs()
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(
            new() { ["SslProtocols"] = new[] { "Tls13" } },
            new() { ["SslProtocols"] = new[] { "Tls12" }, ["ClientCertificateMode"] = "RequireCertificate", ["ClientCertificateAuthorities"] = "ca.pem" });
        using X509Certificate2 certificate = TestPki.Default.Issue("client");

        await server.AssertServesAsync(Presenting(certificate));
        Assert.IsType<AuthenticationException>(await server.AssertRefusesAsync(options => options.EnabledSslProtocols = SslProtocols.Tls12));
        Assert.Contains("presented no certificate", (await server.AssertRefusesAsync()).Message, StringComparison.Ordinal);
    }

    private static Task<ConfiguredTlsServer> StartWithClientsAsync(string mode, params (string Key, object Value)[] more)
    {
        var keys = new Dictionary<string, object> { ["ClientCertificateMode"] = mode };
        if (mode != "NoCertificate")
        {
            keys["ClientCertificateAuthorities"] = "ca.pem";
        }

        foreach ((string key, object value) in more)
        {
            keys[key] = value;
        }

        return ConfiguredTlsServer.StartAsync(keys);
    }

    private static Action<SslClientAuthenticationOptions> Presenting(X509Certificate2 certificate)
        => options => options.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null);
}
