using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer.FunctionalTests.Configuration;

public sealed class ConfiguredTlsTests
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    [Fact]
    [Trait("Row", "K1")]
    [Trait("Row", "T9")]
    public async Task A_certificate_and_those_by_host_name_come_from_configuration()
    {
        var files = new Dictionary<string, string> { ["main.pem"] = Pem("CN=main"), ["other.pem"] = Pem("CN=other") };
        await using ConfiguredApp app = await StartAsync(files, new
        {
            Url = "tls://127.0.0.1:0",
            Certificate = new { Path = "main.pem" },
            Sni = new Dictionary<string, object> { ["*.example.com"] = new { Certificate = new { Path = "other.pem" } } },
            SslProtocols = new[] { "Tls13" },
            ApplicationProtocols = new[] { "echo/1" },
        });

        using SslStream main = await HandshakeAsync(app, "localhost");
        using SslStream other = await HandshakeAsync(app, "www.example.com");

        Assert.Equal(("CN=main", "CN=other"), (main.RemoteCertificate!.Subject, other.RemoteCertificate!.Subject));
        Assert.Equal("Tls13", main.SslProtocol.ToString());
        Assert.Equal("echo/1", main.NegotiatedApplicationProtocol.ToString());
        Assert.Equal("hello", await AskAsync(main, "hello"));
    }

    [Fact]
    [Trait("Row", "K4")]
    [Trait("Row", "T3")]
    public async Task A_certificate_changes_in_place_and_connections_live_on()
    {
        var files = new Dictionary<string, string> { ["old.pem"] = Pem("CN=old"), ["new.pem"] = Pem("CN=new") };
        await using ConfiguredApp app = await StartAsync(files, new { Url = "tls://127.0.0.1:0", Certificate = new { Path = "old.pem" } });
        string address = app.AddressOf("Echo")!;
        using SslStream before = await HandshakeAsync(app, "localhost");
        var applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Servers.Reloaded += () => applied.TrySetResult();

        app.Write(Settings(new { Url = "tls://127.0.0.1:0", Certificate = new { Path = "new.pem" } }));
        await applied.Task.WaitAsync(Generous);
        using SslStream after = await HandshakeAsync(app, "localhost");

        Assert.Equal(address, app.AddressOf("Echo"));
        Assert.Equal(("CN=old", "CN=new"), (before.RemoteCertificate!.Subject, after.RemoteCertificate!.Subject));
        Assert.Equal("still", await AskAsync(before, "still"));
    }

    [Fact]
    [Trait("Row", "K2")]
    public async Task Mistakes_of_tls_are_told_with_their_path()
    {
        var settings = new
        {
            SocketServer = new
            {
                Endpoints = new
                {
                    Both = new { Url = "tls://127.0.0.1:0", Certificate = new { Path = "a.pem", Subject = "a" } },
                    Neither = new { Url = "tls://127.0.0.1:0", Certificate = new { Password = "secret" } },
                    Plain = new { Url = "tcp://127.0.0.1:0", Certificate = new { Path = "a.pem" } },
                },
            },
        };

        OptionsValidationException exception = await Assert.ThrowsAsync<OptionsValidationException>(
            () => ConfiguredApp.StartAsync(settings, builder => builder.Services.AddSocketServer()));

        Assert.Equal(
            [
                "SocketServer:Endpoints:Both:Certificate: has both Path and Subject; leave one out",
                "SocketServer:Endpoints:Neither:Certificate: has neither Path nor Subject; write the file, or the subject of a certificate in a store",
                "SocketServer:Endpoints:Plain:Certificate: is given, but SocketServer:Endpoints:Plain:Url, 'tcp://127.0.0.1:0', is not encrypted; write tls:// there, or leave the certificate out",
            ],
            exception.Failures.Order());
    }

    [Theory]
    [Trait("Row", "K2")]
    [InlineData("SslProtocols", "Ssl9", "SocketServer:Endpoints:Echo:SslProtocols:0: 'Ssl9' is not known; write a name such as Tls12, Tls13")]
    [InlineData("SslProtocols", null, "SocketServer:Endpoints:Echo:SslProtocols:0: '' is not known; write a name such as Tls12, Tls13")]
    [InlineData("CipherSuites", "ROT13", "SocketServer:Endpoints:Echo:CipherSuites:0: 'ROT13' is not known; write a name such as TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")]
    public async Task A_name_that_nobody_knows_is_told_with_some_that_are_known(string key, string? value, string message)
    {
        var endpoint = new Dictionary<string, object>
        {
            ["Url"] = "tls://127.0.0.1:0",
            ["Certificate"] = new { Path = "a.pem" },
            [key] = new[] { value },
        };

        OptionsValidationException exception = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync([], endpoint));

        Assert.Equal(message, Assert.Single(exception.Failures));
    }

    private static object Settings(object endpoint) => new { SocketServer = new { Endpoints = new { Echo = endpoint } } };

    private static Task<ConfiguredApp> StartAsync(Dictionary<string, string> files, object endpoint)
        => ConfiguredApp.StartAsync(files, Settings(endpoint), builder => builder.Services.AddSocketHandler<EchoHandler>("Echo"));

    private static async Task<SslStream> HandshakeAsync(ConfiguredApp app, string hostName)
    {
        TcpClient client = await app.ConnectAsync("Echo");
        var stream = new SslStream(client.GetStream(), leaveInnerStreamOpen: false);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = hostName,
            ApplicationProtocols = [new SslApplicationProtocol("echo/1")],
#pragma warning disable CA5359 // The test looks at the certificate by itself.
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
        };
        await stream.AuthenticateAsClientAsync(options).WaitAsync(Generous);
        return stream;
    }

    private static async Task<string> AskAsync(SslStream stream, string text)
    {
        byte[] question = Encoding.UTF8.GetBytes(text);
        await stream.WriteAsync(question).AsTask().WaitAsync(Generous);
        byte[] answer = new byte[question.Length];
        await stream.ReadExactlyAsync(answer).AsTask().WaitAsync(Generous);
        return Encoding.UTF8.GetString(answer);
    }

    private static string Pem(string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest(subject, key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return certificate.ExportCertificatePem() + '\n' + key.ExportPkcs8PrivateKeyPem();
    }
}
