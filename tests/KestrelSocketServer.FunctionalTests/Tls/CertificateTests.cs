using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Tls;

public sealed class CertificateTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "T1")]
    [Trait("Row", "H2")]
    public async Task A_PEM_file_with_the_key_inside_serves(bool rsa)
    {
        await using var server = new TlsServer();
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost", rsa);
        string path = server.Write("server.pem", TestPki.Pem(certificate));
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        Assert.Equal(certificate, await server.AssertServesAsync());
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_PEM_file_with_a_separate_key_serves()
    {
        await using var server = new TlsServer();
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        string path = server.Write("server.pem", certificate.ExportCertificatePem());
        string keyPath = server.Write("server.key", TestPki.KeyPem(certificate));
        await server.StartAsync(listen => listen.UseHttps(path, keyPath: keyPath));
        Assert.Equal(certificate, await server.AssertServesAsync());
    }

    [Fact]
    [Trait("Row", "T2")]
    public async Task An_encrypted_key_serves()
    {
        await using var server = new TlsServer();
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        string path = server.Write("server.pem", certificate.ExportCertificatePem() + "\n" + TestPki.EncryptedKeyPem(certificate, "secret"));
        await server.StartAsync(listen => listen.UseHttps(path, passphrase: "secret"));
        Assert.Equal(certificate, await server.AssertServesAsync());
    }

    [Theory]
    [InlineData(true, "-aes128")]
    [InlineData(true, "-aes192")]
    [InlineData(true, "-aes256")]
    [InlineData(true, "-des3")]
    [InlineData(false, "-aes256")]
    [Trait("Row", "T2")]
    public async Task A_traditionally_encrypted_key_serves(bool rsa, string cipher)
    {
        await using var server = new TlsServer();
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost", rsa);
        string plain = server.Write("plain.key", TestPki.KeyPem(certificate));
        string encrypted = Path.Combine(server.Folder, "server.key");
        await OpenSsl.RunAsync("", [rsa ? "rsa" : "ec", "-in", plain, "-out", encrypted, cipher, "-passout", "pass:sécret", .. rsa ? (string[])["-traditional"] : []]);
        string key = await File.ReadAllTextAsync(encrypted);
        Assert.Contains("Proc-Type: 4,ENCRYPTED", key, StringComparison.Ordinal);
        string path = server.Write("server.pem", certificate.ExportCertificatePem() + "\n" + key);
        await server.StartAsync(listen => listen.UseHttps(path, passphrase: "sécret"));
        Assert.Equal(certificate, await server.AssertServesAsync());
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_PKCS12_file_serves()
    {
        await using var server = new TlsServer();
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        string path = server.Write("server.pfx", certificate.Export(X509ContentType.Pkcs12, "secret"));
        await server.StartAsync(listen => listen.UseHttps(path, passphrase: "secret"));
        Assert.Equal(certificate, await server.AssertServesAsync());
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_certificate_at_hand_serves()
    {
        await using var server = new TlsServer();
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        await server.StartAsync(listen => listen.UseHttps(certificate));
        Assert.Equal(certificate, await server.AssertServesAsync());
        Assert.Throws<ArgumentException>(() => TlsCertificate.From(X509CertificateLoader.LoadCertificate(certificate.RawData)));
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_certificate_of_a_store_serves()
    {
        using X509Certificate2 certificate = TestPki.Default.Issue($"store-{Guid.NewGuid():N}");
        using X509Certificate2 persisted = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.PersistKeySet);
        using var store = new X509Store(StoreName.My, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadWrite);
        store.Add(persisted);
        try
        {
            string name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            await using var server = new TlsServer();
            await server.StartAsync(listen => listen.UseHttps(TlsCertificate.FromStore(name, allowInvalid: true)));
            Assert.Equal(certificate, await server.AssertServesAsync(client => client.TargetHost = name));
        }
        finally
        {
            store.Remove(persisted);
        }
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task A_store_without_the_certificate_is_an_error_of_the_handshake()
    {
        await using var server = new TlsServer();
        await server.StartAsync(listen => listen.UseHttps(TlsCertificate.FromStore($"none-{Guid.NewGuid():N}")));
        await Assert.ThrowsAnyAsync<Exception>(() => server.ConnectAsync());
        Assert.IsType<InvalidOperationException>((await server.ErrorAsync()).Exception);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "T1")]
    public async Task The_chain_is_sent(bool pkcs12)
    {
        await using var server = new TlsServer();
        TestPki intermediate = TestPki.Default.CreateIntermediate("Test intermediate");
        using X509Certificate2 certificate = intermediate.Issue("localhost");
        using X509Certificate2 issuer = X509CertificateLoader.LoadCertificate(intermediate.Authority.RawData);
        string path = pkcs12
            ? server.Write("server.pfx", new X509Certificate2Collection { issuer, certificate }.Export(X509ContentType.Pkcs12, "secret")!)
            : server.Write("server.pem", TestPki.Pem(certificate, issuer));
        await server.StartAsync(listen => listen.UseHttps(path, passphrase: pkcs12 ? "secret" : null));

        string root = server.Write("root.pem", TestPki.Default.Authority.ExportCertificatePem());
        string output = await OpenSsl.RunAsync("", "s_client", "-connect", server.Address, "-servername", "localhost", "-CAfile", root, "-verify_return_error", "-showcerts");
        Assert.Contains("Verify return code: 0 (ok)", output, StringComparison.Ordinal);
        Assert.Equal(2, output.Split("-----BEGIN CERTIFICATE-----").Length - 1);
    }

    [Fact]
    [Trait("Row", "T9")]
    public async Task Relative_paths_start_at_the_content_root()
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        await server.StartAsync(listen => listen.UseHttps(certificatePath: Path.GetRelativePath(AppContext.BaseDirectory, path)));
        await server.AssertServesAsync();
    }
}
