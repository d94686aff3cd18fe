using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KestrelSocketServer.FunctionalTests.Tls;

namespace KestrelSocketServer.FunctionalTests.Configuration;

/// <summary>Handshakes with certificates that configuration names.</summary>
[Trait("Row", "K1")]
public sealed class ConfiguredCertificateTests
{
    [Fact]
    [Trait("Row", "T9")]
    public async Task The_key_comes_from_a_file_of_its_own()
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        await using ConfiguredTlsServer server = await StartAsync(new { Path = "tls/own.pem", KeyPath = "tls/own.key" });
        Directory.CreateDirectory(server.PathOf("tls"));
        server.Write("tls/own.pem", certificate.ExportCertificatePem());
        server.Write("tls/own.key", TestPki.KeyPem(certificate));

        Assert.Equal(certificate, await server.AssertServesAsync());
    }

    [Fact]
    [Trait("Row", "K2")]
    [Trait("Row", "T1")]
    public async Task A_key_path_and_a_password_of_null_are_as_good_as_none()
    {
        await using ConfiguredTlsServer server = await StartAsync(
            new { Path = "server.pem", KeyPath = (string?)null, Password = (string?)null, Subject = (string?)null, Store = (string?)null });

        await server.AssertServesAsync();
    }

    [Theory]
    [InlineData("pem")]
    [InlineData("key")]
    [InlineData("pfx")]
    [Trait("Row", "T2")]
    [Trait("Row", "T9")]
    public async Task A_password_opens_the_file_and_a_wrong_one_is_told_with_its_path(string kind)
    {
        var keys = new Dictionary<string, string> { ["Path"] = kind == "pfx" ? "own.pfx" : "own.pem", ["Password"] = "wrong" };
        if (kind == "key")
        {
            keys["KeyPath"] = "own.key";
        }

        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        await using ConfiguredTlsServer server = await StartAsync(keys);
        WriteEncrypted(server, certificate, kind, "hunter2");

        Exception refusal = await server.AssertRefusesAsync();
        Assert.IsType<CryptographicException>(refusal);
        Assert.Contains($"'{server.PathOf($"own.{kind}")}'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("the given passphrase", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", refusal.ToString(), StringComparison.Ordinal);

        keys["Passphrase"] = "hunter2";
        await server.ReconfigureAsync(new() { ["Certificate"] = keys });
        Assert.Equal(certificate, await server.AssertServesAsync());
        server.AssertNothingHappened();
    }

    [Fact]
    [Trait("Row", "T2")]
    public async Task A_missing_password_is_told_with_the_path()
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        await using ConfiguredTlsServer server = await StartAsync(new { Path = "own.pem" });
        WriteEncrypted(server, certificate, "pem", "hunter2");

        Assert.Equal($"The private key in '{server.PathOf("own.pem")}' is encrypted, and no passphrase was given.", (await server.AssertRefusesAsync()).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Row", "T9")]
    public async Task A_self_signed_certificate_of_a_store_will_do_on_demand_only(bool allowed)
    {
        string name = $"store-{Guid.NewGuid():N}";
        using X509Certificate2 certificate = TestPki.SelfSigned(name);
        using X509Certificate2 persisted = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.PersistKeySet);
        using var store = new X509Store(StoreName.My, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadWrite);
        store.Add(persisted);
        try
        {
            await using ConfiguredTlsServer server = await StartAsync(new { Subject = name, Store = "My", Location = "CurrentUser", AllowInvalid = allowed });
            if (allowed)
            {
                Assert.Equal(certificate, await server.AssertServesAsync(client =>
                {
                    client.TargetHost = name;
                    client.CertificateChainPolicy = TlsServer.Trusting(certificate);
                }));
            }
            else
            {
                Assert.Contains($"{name} could not be found in CurrentUser/My", (await server.AssertRefusesAsync()).Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            store.Remove(persisted);
        }
    }

    [Theory]
    [InlineData("example.com", "CN=exact")]
    [InlineData("WWW.example.com", "CN=wildcard")]
    [InlineData("a.www.example.com", "CN=localhost")]
    [InlineData("localhost", "CN=localhost")]
    [Trait("Row", "T9")]
    public async Task Certificates_by_host_name_have_the_same_keys(string hostName, string expected)
    {
        using X509Certificate2 exact = TestPki.Default.Issue("exact");
        using X509Certificate2 wildcard = TestPki.Default.Issue("wildcard");
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new()
        {
            ["Sni"] = new Dictionary<string, object>
            {
                ["example.com"] = new { Certificate = new { Path = "exact.pem", KeyPath = "exact.key" } },
                ["*.example.com"] = new { Certificate = new { Path = "wildcard.pfx", Password = "secret" } },
            },
        });
        server.Write("exact.pem", exact.ExportCertificatePem());
        server.Write("exact.key", TestPki.KeyPem(exact));
        server.Write("wildcard.pfx", wildcard.Export(X509ContentType.Pkcs12, "secret"));

        X509Certificate2 seen = await server.AssertServesAsync(client =>
        {
            client.TargetHost = hostName;
            client.RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null;
        });
        Assert.Equal(expected, seen.Subject);
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_host_name_for_which_there_is_no_certificate_is_refused()
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new()
        {
            ["Certificate"] = null!,
            ["Sni"] = new Dictionary<string, object> { ["example.com"] = new { Certificate = new { Path = "server.pem" } } },
        });

        Exception refusal = await server.AssertRefusesAsync();
        Assert.Equal("There is no certificate for the host name 'localhost', which the client asks for.", Assert.IsType<AuthenticationException>(refusal).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Row", "T3")]
    public async Task The_last_good_certificate_is_kept_on_demand_only(bool kept)
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["KeepLastGoodCertificate"] = kept });
        X509Certificate2 good = await server.AssertServesAsync();

        File.Delete(server.PathOf("server.pem"));
        if (kept)
        {
            Assert.Equal(good, await server.AssertServesAsync());
            SocketServerError error = await server.ErrorAsync();
            Assert.Equal((SocketServerErrorStage.Certificate, typeof(FileNotFoundException)), (error.Stage, error.Exception.GetType()));
            server.AssertNothingHappened();
        }
        else
        {
            Assert.IsType<FileNotFoundException>(await server.AssertRefusesAsync());
        }
    }

    [Theory]
    [InlineData("HandshakeTimeout", "00:00:09")]
    [InlineData("ApplicationProtocols", "echo/1")]
    [InlineData("Url", "tls://127.0.0.2:0")]
    [Trait("Row", "K4")]
    [Trait("Row", "T3")]
    public async Task The_last_good_certificate_outlives_a_change_of_other_keys(string key, string value)
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["KeepLastGoodCertificate"] = true });
        X509Certificate2 good = await server.AssertServesAsync();

        File.Delete(server.PathOf("server.pem"));
        await server.ReconfigureAsync(new() { ["KeepLastGoodCertificate"] = true, [key] = key == "ApplicationProtocols" ? new[] { value } : value });
        Assert.Equal(good, await server.AssertServesAsync());
        SocketServerError error = await server.ErrorAsync();
        Assert.Equal((SocketServerErrorStage.Certificate, typeof(FileNotFoundException)), (error.Stage, error.Exception.GetType()));
    }

    [Theory]
    [InlineData("KeyPath", "other.key")]
    [InlineData("Passphrase", "secret")]
    [Trait("Row", "K4")]
    [Trait("Row", "T3")]
    public async Task The_last_good_certificate_is_not_kept_for_another_one(string key, string value)
    {
        await using ConfiguredTlsServer server = await ConfiguredTlsServer.StartAsync(new() { ["KeepLastGoodCertificate"] = true });
        await server.AssertServesAsync();

        File.Delete(server.PathOf("server.pem"));
        await server.ReconfigureAsync(new()
        {
            ["KeepLastGoodCertificate"] = true,
            ["Certificate"] = new Dictionary<string, string> { ["Path"] = "server.pem", [key] = value },
        });
        Assert.IsType<FileNotFoundException>(await server.AssertRefusesAsync());
    }

    private static Task<ConfiguredTlsServer> StartAsync(object certificate) => ConfiguredTlsServer.StartAsync(new() { ["Certificate"] = certificate });

    private static void WriteEncrypted(ConfiguredTlsServer server, X509Certificate2 certificate, string kind, string password)
    {
        string pem = certificate.ExportCertificatePem();
        string key = TestPki.EncryptedKeyPem(certificate, password);
        switch (kind)
        {
            case "pem":
                server.Write("own.pem", $"{pem}\n{key}");
                break;
            case "key":
                server.Write("own.pem", pem);
                server.Write("own.key", key);
                break;
            case "pfx":
                server.Write("own.pfx", certificate.Export(X509ContentType.Pkcs12, password));
                break;
        }
    }
}
