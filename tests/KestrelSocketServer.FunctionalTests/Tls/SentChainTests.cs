using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>Which certificates a server sends.</summary>
public sealed partial class SentChainTests(PemFiles files) : IClassFixture<PemFiles>
{
    // "root" is the new root, which an old one has certified too: "cross" has its name and key.
    private static readonly (string File, string Certificates, string Sent)[] Expected =
    [
        ("a.pem", "leaf inter", "leaf inter"),
        ("b.pem", "leaf inter root", "leaf inter"),
        ("c.pem", "leaf inter cross", "leaf inter root"),
        ("d.pem", "leaf inter cross old", "leaf inter root"),
        ("e.pem", "leaf inter cross root old", "leaf inter root"),
        ("f.pem", "old root cross inter leaf", "leaf inter root"),
        ("g.pem", "leaf other inter", "leaf inter"),
        ("h.pem", "leaf", "leaf"),
        ("i.p12", "leaf inter cross", "leaf inter root"),
        ("j.p12", "leaf cross inter old", "leaf inter root"),
    ];

    [Theory]
    [InlineData(null)]
    [InlineData("root")]
    [InlineData("old")]
    [Trait("Row", "T18")]
    public async Task The_chain_of_the_file_is_sent_whatever_the_system_trusts(string? trusted)
    {
        await CrossCertifyAsync();
        string store = files.PathOf($"store-{trusted}");
        Directory.CreateDirectory(store);
        if (trusted is not null)
        {
            File.Copy(files.PathOf($"{trusted}.pem"), Path.Combine(store, $"{trusted}.pem"), overwrite: true);
            await files.RunAsync("rehash", store);
        }

        var environment = new Dictionary<string, string> { ["SSL_CERT_DIR"] = store, ["SSL_CERT_FILE"] = files.PathOf("none") };
        string[] paths = [.. Expected.Select(expected => files.PathOf(expected.File)), "hand:" + files.PathOf("d.pem")];
        using var child = ChildProcess.StartWith(environment, "tls", paths);
        foreach (string path in paths)
        {
            string address = await child.ReadLineAsync();
            string output = await OpenSsl.RunAsync(
                "", "s_client", "-connect", address, "-showcerts", "-no-CApath", "-no-CAstore", "-CAfile", files.PathOf("old.pem"));
            (_, _, string sent) = Expected.First(expected => path.EndsWith(expected.File, StringComparison.Ordinal));
            string actual = string.Join(' ', Subject().Matches(output).Select(match => match.Groups[1].Value));
            Assert.Equal($"{path}: {sent}", $"{path}: {actual}");
            if (sent.EndsWith("root", StringComparison.Ordinal))
            {
                // A client that knows the old root alone.
                Assert.Contains("Verify return code: 0 (ok)", output, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    [Trait("Row", "T18")]
    public async Task What_is_not_sent_is_logged_once()
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", Join("leaf.key", "leaf.pem", "inter.pem", "other.pem", "root.pem"));
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        await server.AssertServesAsync(Trust);
        await server.AssertServesAsync(Trust);
        FakeLogRecord record = Assert.Single(server.Host.Logs.GetSnapshot(), record => record.Id.Name == "CertificatesNotSent");
        Assert.Equal(66, record.Id.Id);
        Assert.Equal(LogLevel.Warning, record.Level);
        Assert.Contains(path, record.Message, StringComparison.Ordinal);
        Assert.Contains("CN=other (from CN=inter)", record.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("CN=root", record.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "T18")]
    public async Task A_chain_that_is_sent_but_for_its_root_is_no_warning()
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", Join("leaf.key", "root.pem", "inter.pem", "leaf.pem"));
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        await server.AssertServesAsync(Trust);
        LogAssert.NoWarnings(server.Host.Logs);
    }

    [Fact]
    [Trait("Row", "T18")]
    public async Task The_issuers_in_the_file_of_the_server_are_not_trusted_to_issue_for_clients()
    {
        TestPki authority = TestPki.CreateRoot("Server root");
        using X509Certificate2 certificate = authority.Issue("localhost");
        using X509Certificate2 client = authority.Issue("client");
        using X509Certificate2 root = X509CertificateLoader.LoadCertificate(authority.Authority.RawData);
        await using var server = new TlsServer();
        string path = server.Write("server.pem", TestPki.Pem(certificate, root));
        await server.StartAsync(listen => listen.UseHttps(
            path, tls => tls.ClientCertificateMode = ClientCertificateMode.RequireCertificate));

        // With TLS 1.3 the client is through before the server has looked at its certificate.
        await Record.ExceptionAsync(() => server.ConnectAsync(options =>
        {
            options.CertificateChainPolicy = TlsServer.Trusting(root);
            options.ClientCertificateContext = SslStreamCertificateContext.Create(client, null);
        }));
        Exception exception = (await server.ErrorAsync()).Exception;
        Assert.IsType<AuthenticationException>(exception);
        Assert.Contains("CN=client is not trusted", exception.Message, StringComparison.Ordinal);
    }

    private string Join(params string[] names) => string.Concat(names.Select(files.Text));

    private void Trust(SslClientAuthenticationOptions options)
        => options.CertificateChainPolicy = TlsServer.Trusting(files.Certificate("root"));

    private async Task CrossCertifyAsync()
    {
        await files.IssueAsync("old", "old", "ca");
        await files.CertifyAsync("cross", "root", "old", "ca");
        foreach ((string file, string certificates, _) in Expected)
        {
            string[] names = certificates.Split(' ');
            await File.WriteAllTextAsync(files.PathOf("all.pem"), Join([.. names.Select(name => $"{name}.pem"), "leaf.key"]));
            if (file.EndsWith(".p12", StringComparison.Ordinal))
            {
                await files.RunAsync("pkcs12", "-export", "-in", "all.pem", "-passout", "pass:secret", "-out", file);
            }
            else
            {
                File.Move(files.PathOf("all.pem"), files.PathOf(file), overwrite: true);
            }
        }
    }

    [GeneratedRegex(@"^ *[0-9]+ s:CN ?= ?(\S+)", RegexOptions.Multiline)]
    private static partial Regex Subject();
}
