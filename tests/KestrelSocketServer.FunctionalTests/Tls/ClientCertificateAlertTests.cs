using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>What a client that is refused is told, as the openssl command shows it.</summary>
public sealed class ClientCertificateAlertTests
{
    public static TheoryData<string, string, string> Refusals
    {
        get
        {
            var data = new TheoryData<string, string, string>
            {
                { "-tls1_2", "none", "alert handshake failure" },
                { "-tls1_3", "none", "alert certificate required" },
            };
            foreach (string version in (string[])["-tls1_2", "-tls1_3"])
            {
                data.Add(version, "stranger", "alert unknown ca");
                data.Add(version, "expired", "alert certificate expired");
                data.Add(version, "server", "alert unsupported certificate");
                data.Add(version, "refused", "alert bad certificate");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    [Trait("Row", "T19")]
    public async Task A_client_whose_certificate_is_refused_is_told_why(string version, string kind, string alert)
    {
        await using var server = new TlsServer();
        await server.StartAsync(UseHttps(server, tls =>
        {
            if (kind == "refused")
            {
                tls.ClientCertificateValidation = static (_, _, _) => false;
            }
        }));

        string output = await OpenSsl.RunAsync("", Arguments(server, server.Address, version, kind));

        Assert.Contains(alert, output, StringComparison.Ordinal);
        SocketServerError error = await server.ErrorAsync();
        Assert.Equal(SocketServerErrorStage.Handshake, error.Stage);
        Assert.IsType<AuthenticationException>(error.Exception);
        Assert.Contains(kind == "none" ? "presented no certificate" : $"CN={kind}", error.Exception.Message, StringComparison.Ordinal);
        server.AssertNothingHappened();
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    [Trait("Row", "T19")]
    public async Task A_client_is_told_on_the_applications_own_Kestrel_too(string version)
    {
        await using var files = new TlsServer();
        await using TestHost host = await TestHost.StartWebAsync(build: builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            UseHttps(files, static _ => { })(listen);
            listen.UseSocketHandler(static connection => connection.End("welcome"));
        })));
        string address = new Uri(host.Web.Urls.Single()).Authority;

        Assert.Contains("alert unknown ca", await OpenSsl.RunAsync("", Arguments(files, address, version, "stranger")), StringComparison.Ordinal);
        Assert.Contains("welcome", await OpenSsl.RunAsync("", Arguments(files, address, version, "good")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    [Trait("Row", "T19")]
    public async Task A_certificate_is_judged_once(SslProtocols version)
    {
        int judged = 0;
        using X509Certificate2 certificate = TestPki.Default.CreateIntermediate("Test intermediate").Issue("client");
        await using var server = new TlsServer();
        await server.StartAsync(UseHttps(server, tls =>
        {
            tls.SslProtocols = version;
            tls.ClientCertificateValidation = (seen, chain, errors) =>
            {
                Interlocked.Increment(ref judged);
                return seen.Equals(certificate) && chain is not null && errors == SslPolicyErrors.RemoteCertificateChainErrors;
            };
        }));

        await using TlsClient client = await server.ConnectAsync(options => options.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true));
        await TlsServer.AssertEchoAsync(client);

        Assert.Equal(certificate, (await server.ConnectionAsync()).Tls!.ClientCertificate);
        Assert.Equal(1, judged);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    [Trait("Row", "T4")]
    [Trait("Row", "T19")]
    public async Task What_the_validation_throws_is_the_error_and_the_client_is_told(SslProtocols version)
    {
        await using var server = new TlsServer();
        await server.StartAsync(UseHttps(server, static tls => tls.ClientCertificateValidation = static (_, _, _) => throw new InvalidTimeZoneException("not today")));

        string output = await OpenSsl.RunAsync("", Arguments(server, server.Address, version == SslProtocols.Tls12 ? "-tls1_2" : "-tls1_3", "good"));

        Assert.Contains("alert internal error", output, StringComparison.Ordinal);
        Assert.Equal("not today", Assert.IsType<InvalidTimeZoneException>((await server.ErrorAsync()).Exception).Message);
    }

    [Theory]
    [InlineData("-tls1_2", false, "alert internal error")]
    [InlineData("-tls1_3", false, "alert internal error")]
    [InlineData("-tls1_2", true, "unrecognized name")]
    [InlineData("-tls1_3", true, "unrecognized name")]
    [Trait("Row", "T19")]
    public async Task A_client_for_which_there_is_no_certificate_is_told(string version, bool isUnknownName, string alert)
    {
        await using var server = new TlsServer();
        var options = new SocketTlsOptions();
        options.Sni[isUnknownName ? "example.com" : "localhost"] = TlsCertificate.FromFile(Path.Combine(server.Folder, "none.pem"));
        await server.StartAsync(listen => listen.UseHttps(options));

        string output = await OpenSsl.RunAsync("", "s_client", "-connect", server.Address, "-servername", "localhost", version, "-ign_eof");

        Assert.Contains(alert, output, StringComparison.Ordinal);
        Exception failure = (await server.ErrorAsync()).Exception;
        Assert.IsType(isUnknownName ? typeof(AuthenticationException) : typeof(FileNotFoundException), failure);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, true)]
    [InlineData(SslProtocols.Tls13, true)]
    [InlineData(SslProtocols.Tls12, false)]
    [InlineData(SslProtocols.Tls13, false)]
    [Trait("Row", "T21")]
    public async Task A_handler_asks_for_the_certificate_when_it_wants_it(SslProtocols version, bool presented)
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("client");
        await using var server = new TlsServer();
        await server.StartAsync(
            UseHttps(server, tls =>
            {
                tls.ClientCertificateMode = ClientCertificateMode.DelayCertificate;
                tls.SslProtocols = version;
            }),
            static async connection =>
            {
                X509Certificate2? shown = await connection.Features.Get<ITlsConnectionFeature>()!.GetClientCertificateAsync(CancellationToken.None);
                connection.Write($"{connection.Tls!.ClientCertificate?.Subject ?? "nobody"}, then {shown?.Subject ?? "nobody"}\n");
                connection.Pipe(connection);
            });

        await using TlsClient client = await server.ConnectAsync(options => options.LocalCertificateSelectionCallback = (_, _, _, _, _) => presented ? certificate : null!);
        using var reader = new StreamReader(client, leaveOpen: true);

        Assert.Equal($"nobody, then {(presented ? "CN=client" : "nobody")}", await reader.ReadLineAsync().Soon());
        await TlsServer.AssertEchoAsync(client);
    }

    private static Action<ListenOptions> UseHttps(TlsServer files, Action<SocketTlsOptions> configure)
    {
        string path = files.Write("server.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        string authorities = files.Write("ca.pem", TestPki.Default.Authority.ExportCertificatePem());
        return listen => listen.UseHttps(path, tls =>
        {
            tls.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            tls.ClientCertificateAuthorities = authorities;
            configure(tls);
        });
    }

    // Goes on until the server ends.
    private static string[] Arguments(TlsServer files, string address, string version, string kind)
    {
        using X509Certificate2? certificate = kind switch
        {
            "none" => null,
            "stranger" => TestPki.Other.Issue(kind),
            "expired" => TestPki.Default.Issue(kind, expired: true),
            "server" => TestPki.Default.Issue(kind, usage: TestPki.ServerUsage),
            _ => TestPki.Default.Issue(kind),
        };
        string[] arguments = ["s_client", "-connect", address, "-servername", "localhost", version, "-ign_eof"];
        if (certificate is null)
        {
            return arguments;
        }

        string path = files.Write($"{kind}.pem", TestPki.Pem(certificate));
        return [.. arguments, "-cert", path, "-key", path];
    }
}
