using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer.FunctionalTests.Tls;

public sealed class TlsOptionsTests
{
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    [Trait("Row", "T9")]
    [Trait("Row", "T10")]
    public async Task Versions_are_limited_to_those_allowed(SslProtocols version)
    {
        await using TlsServer server = await StartAsync(tls => tls.SslProtocols = version);
        await using TlsClient client = await server.ConnectAsync();
        Assert.Equal(version, client.SslProtocol);
        ConnectionTls tls = (await server.ConnectionAsync()).Tls!;
        Assert.Equal(version, tls.Protocol);
        Assert.Equal(client.NegotiatedCipherSuite, tls.CipherSuite);
        Assert.Equal("localhost", tls.ServerName);
        Assert.Null(tls.ApplicationProtocol);
        Assert.Null(tls.ClientCertificate);
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task Ciphers_are_limited_to_those_allowed()
    {
        await using TlsServer server = await StartAsync(tls =>
        {
            tls.SslProtocols = SslProtocols.Tls12;
            tls.CipherSuites.Add(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
        });
        await using TlsClient client = await server.ConnectAsync();
        Assert.Equal(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, client.NegotiatedCipherSuite);
        string output = await OpenSsl.RunAsync("", "s_client", "-connect", server.Address, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384");
        Assert.Contains("handshake failure", output, StringComparison.Ordinal);
        Assert.IsType<AuthenticationException>((await server.ErrorAsync()).Exception);
    }

    [Theory]
    [InlineData("example.com", "example.com")]
    [InlineData("EXAMPLE.com", "example.com")]
    [InlineData("www.example.com", "wildcard")]
    [InlineData("a.www.example.com", "default")]
    [InlineData("other.org", "default")]
    [InlineData("", "default")]
    [Trait("Row", "T9")]
    public async Task Certificates_are_chosen_by_host_name(string hostName, string expected)
    {
        await using TlsServer server = await StartAsync(
            tls =>
            {
                tls.Sni["example.com"] = TlsCertificate.From(TestPki.Default.Issue("example.com"));
                tls.Sni["*.Example.com"] = TlsCertificate.From(TestPki.Default.Issue("wildcard"));
            },
            "default");
        X509Certificate2 seen = await server.AssertServesAsync(client =>
        {
            client.TargetHost = hostName;
            client.RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null;
        });
        Assert.Equal($"CN={expected}", seen.Subject);
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_host_name_without_certificate_is_refused()
    {
        await using var server = new TlsServer();
        var options = new SocketTlsOptions();
        options.Sni["example.com"] = TlsCertificate.From(TestPki.Default.Issue("example.com"));
        await server.StartAsync(listen => listen.UseHttps(options));
        await Assert.ThrowsAnyAsync<Exception>(() => server.ConnectAsync());
        SocketServerError error = await server.ErrorAsync();
        Assert.Contains("'localhost'", Assert.IsType<AuthenticationException>(error.Exception).Message, StringComparison.Ordinal);
        await server.AssertServesAsync(client => client.TargetHost = "example.com");
    }

    [Fact]
    [Trait("Row", "T9")]
    [Trait("Row", "T10")]
    public async Task Application_protocols_are_negotiated()
    {
        await using TlsServer server = await StartAsync(tls => tls.ApplicationProtocols.Add(new SslApplicationProtocol("mqtt")));
        await using TlsClient client = await server.ConnectAsync(options => options.ApplicationProtocols = [new("xmpp-client"), new("mqtt")]);
        Assert.Equal("mqtt", client.NegotiatedApplicationProtocol.ToString());
        Assert.Equal("mqtt", (await server.ConnectionAsync()).Tls!.ApplicationProtocol);
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task No_application_protocol_is_advertised_by_default()
    {
        await using TlsServer server = await StartAsync(static _ => { });
        await using TlsClient client = await server.ConnectAsync(options => options.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]);
        Assert.True(client.NegotiatedApplicationProtocol.Protocol.IsEmpty);
    }

    [Theory]
    [InlineData(ClientCertificateMode.RequireCertificate, true)]
    [InlineData(ClientCertificateMode.AllowCertificate, true)]
    [InlineData(ClientCertificateMode.AllowCertificate, false)]
    [Trait("Row", "T9")]
    [Trait("Row", "T10")]
    public async Task Client_certificates_are_asked_for_by_mode(ClientCertificateMode mode, bool presented)
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("client");
        await using var server = new TlsServer();
        string path = server.Write("server.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        string authorities = server.Write("ca.pem", TestPki.Default.Authority.ExportCertificatePem());
        await server.StartAsync(listen => listen.UseHttps(path, tls =>
        {
            tls.ClientCertificateMode = mode;
            tls.ClientCertificateAuthorities = authorities;
        }));
        await using TlsClient client = await server.ConnectAsync(options =>
            options.ClientCertificateContext = presented ? SslStreamCertificateContext.Create(certificate, null) : null);
        Assert.Equal(presented ? certificate : null, (await server.ConnectionAsync()).Tls!.ClientCertificate);
    }

    [Theory]
    [InlineData(false, 30, false)]
    [InlineData(true, 30, true)]
    [InlineData(true, -5, false)]
    [Trait("Row", "T9")]
    public async Task Self_signed_client_certificates_are_trusted_on_demand_only(bool allowed, int daysLeft, bool served)
    {
        using X509Certificate2 certificate = TestPki.SelfSigned("client", daysLeft);
        await using TlsServer server = await StartAsync(tls =>
        {
            tls.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            tls.AllowSelfSignedClientCertificates = allowed;
            tls.SslProtocols = SslProtocols.Tls12;
        });
        Task<TlsClient> connecting = server.ConnectAsync(options => options.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null));
        if (served)
        {
            await using TlsClient client = await connecting;
            Assert.Equal(certificate, (await server.ConnectionAsync()).Tls!.ClientCertificate);
        }
        else
        {
            // The client may be done before the server looks at its certificate.
            await Record.ExceptionAsync(() => connecting);
            Assert.Contains("not trusted", (await server.ErrorAsync()).Exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task Revocation_is_checked_on_demand_only()
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("client");
        await using var server = new TlsServer();
        string path = server.Write("server.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        string authorities = server.Write("ca.pem", TestPki.Default.Authority.ExportCertificatePem());
        await server.StartAsync(listen => listen.UseHttps(path, tls =>
        {
            tls.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            tls.ClientCertificateAuthorities = authorities;
            tls.CheckClientCertificateRevocation = true;
            tls.SslProtocols = SslProtocols.Tls12;
        }));
        await Record.ExceptionAsync(() => server.ConnectAsync(options => options.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null)));
        Assert.Contains("RevocationStatusUnknown", (await server.ErrorAsync()).Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    [Trait("Row", "T9")]
    public async Task Sessions_are_resumed(string version)
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path), static connection =>
        {
            if (connection.Tls!.ServerName is not null)
            {
                connection.End("bye");
            }
        });

        // .NET drops what sessions are resumed from at times when nobody is connected.
        await using TlsClient other = await server.ConnectAsync(static options => options.TargetHost = "127.0.0.1");
        string session = Path.Combine(server.Folder, "session");
        string first = await OpenSsl.RunAsync("", "s_client", "-connect", server.Address, version, "-servername", "localhost", "-sess_out", session, "-ign_eof");
        Assert.Contains("New, ", first, StringComparison.Ordinal);
        string second = await OpenSsl.RunAsync("", "s_client", "-connect", server.Address, version, "-servername", "localhost", "-sess_in", session, "-ign_eof");
        Assert.Contains("Reused, ", second, StringComparison.Ordinal);
    }

    public static TheoryData<string, Action<SocketTlsOptions>, string> Faults => new()
    {
        { "no certificate", static tls => tls.Certificate = null, "Certificate is missing" },
        { "version", static tls => tls.SslProtocols = (SslProtocols)0x100000, "allowed are None" },
        { "cipher", static tls => tls.CipherSuites.Add((TlsCipherSuite)0xFFFE), "CipherSuites has 65534" },
        { "authorities", static tls => tls.ClientCertificateAuthorities = "ca.pem", "ClientCertificateAuthorities is 'ca.pem', but ClientCertificateMode is NoCertificate" },
        { "self-signed", static tls => tls.AllowSelfSignedClientCertificates = true, "AllowSelfSignedClientCertificates" },
        { "revocation", static tls => tls.CheckClientCertificateRevocation = true, "CheckClientCertificateRevocation" },
        { "validation", static tls => tls.ClientCertificateValidation = static (_, _, _) => true, "ClientCertificateValidation" },
        { "mode", static tls => tls.ClientCertificateMode = (ClientCertificateMode)7, "allowed are NoCertificate" },
        { "time-out", static tls => tls.HandshakeTimeout = TimeSpan.Zero, "HandshakeTimeout is 00:00:00" },
        { "host name", static tls => tls.Sni["*"] = TlsCertificate.FromFile("a.pem"), "Sni has '*'" },
        { "host address", static tls => tls.Sni["127.0.0.1"] = TlsCertificate.FromFile("a.pem"), "Sni has '127.0.0.1'" },
        { "application protocol", static tls => tls.ApplicationProtocols.Add(default), "empty name" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    [Trait("Row", "T9")]
    [Trait("Row", "H5")]
    public async Task Options_that_cannot_work_fail_at_start(string fault, Action<SocketTlsOptions> configure, string message)
    {
        string text = await FailsAtStartAsync(listen => listen.UseHttps("server.pem", configure));
        Assert.True(text.Contains(message, StringComparison.Ordinal), $"{fault}: {text}");
    }

    [Fact]
    [Trait("Row", "T9")]
    [Trait("Row", "H5")]
    public async Task A_PEM_file_given_to_Kestrels_own_UseHttps_fails_at_start()
    {
        await using var files = new TlsServer();
        string pem = files.Write("server.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        Assert.Contains("UseHttps(certificatePath:", await FailsAtStartAsync(listen => listen.UseHttps(pem)), StringComparison.Ordinal);
        Assert.Contains("UseHttps(certificatePath:", await FailsAtStartAsync(listen => listen.UseHttps(pem, "secret")), StringComparison.Ordinal);
        Assert.Contains("UseHttps(certificatePath:", await FailsAtStartAsync(listen => listen.UseHttps(pem + ".none")), StringComparison.Ordinal);
    }

    private static async Task<string> FailsAtStartAsync(Action<ListenOptions> useHttps)
    {
        var server = new TlsServer();
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(() => server.StartAsync(useHttps));
        Assert.StartsWith("Endpoint 'test': ", exception.Message, StringComparison.Ordinal);
        return exception.Message;
    }

    private static async Task<TlsServer> StartAsync(Action<SocketTlsOptions> configure, string name = "localhost")
        => await new TlsServer().StartAsync(listen => listen.UseHttps(TlsCertificate.From(TestPki.Default.Issue(name)), configure));
}
