using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Tls;

public sealed class CertificateRotationTests
{
    [Fact]
    [Trait("Row", "T3")]
    public async Task A_changed_file_is_used_by_the_next_handshake()
    {
        await using var server = new TlsServer();
        using X509Certificate2 first = TestPki.Default.Issue("localhost");
        using X509Certificate2 second = TestPki.Default.Issue("localhost");
        string path = server.Write("server.pem", TestPki.Pem(first));
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        await using TlsClient old = await server.ConnectAsync();
        await server.ConnectionAsync();

        Replace(server, TestPki.Pem(second));
        Assert.Equal(second, await server.AssertServesAsync());
        await TlsServer.AssertEchoAsync(old);
    }

    [Fact]
    [Trait("Row", "T3")]
    public async Task A_moved_link_is_followed()
    {
        await using var server = new TlsServer();
        using X509Certificate2 first = TestPki.Default.Issue("localhost");
        using X509Certificate2 second = TestPki.Default.Issue("localhost");
        string link = Path.Combine(server.Folder, "current.pem");
        File.CreateSymbolicLink(link, server.Write("first.pem", TestPki.Pem(first)));
        await server.StartAsync(listen => listen.UseHttps(certificatePath: link));
        Assert.Equal(first, await server.AssertServesAsync());

        File.Delete(link);
        File.CreateSymbolicLink(link, server.Write("second.pem", TestPki.Pem(second)));
        Assert.Equal(second, await server.AssertServesAsync());
    }

    [Theory]
    [InlineData("half", "complete private key")]
    [InlineData("empty", "no certificate")]
    [InlineData("other", "does not belong")]
    [InlineData("nonsense", "no PEM file")]
    [Trait("Row", "T3")]
    public async Task A_broken_file_fails_until_it_is_right(string kind, string message)
    {
        await using var server = new TlsServer();
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        string good = TestPki.Pem(certificate);
        string path = server.Write("server.pem", good);
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        await server.AssertServesAsync();

        Replace(server, Break(good, kind));
        await Assert.ThrowsAnyAsync<Exception>(() => server.ConnectAsync());
        SocketServerError error = await server.ErrorAsync();
        Assert.IsType<CryptographicException>(error.Exception);
        Assert.Contains(path, error.Exception.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Exception.Message, StringComparison.Ordinal);

        Replace(server, good);
        await server.AssertServesAsync();
        server.AssertNothingHappened();
    }

    [Fact]
    [Trait("Row", "T3")]
    public async Task The_last_good_one_is_kept_on_demand_and_the_fault_told_once()
    {
        await using var server = new TlsServer();
        using X509Certificate2 first = TestPki.Default.Issue("localhost");
        using X509Certificate2 second = TestPki.Default.Issue("localhost");
        string path = server.Write("server.pem", TestPki.Pem(first));
        await server.StartAsync(listen => listen.UseHttps(path, tls => tls.KeepLastGoodCertificate = true));
        await server.AssertServesAsync();

        File.Delete(path);
        Assert.Equal(first, await server.AssertServesAsync());
        SocketServerError error = await server.ErrorAsync();
        Assert.Equal(SocketServerErrorStage.Certificate, error.Stage);
        Assert.IsType<FileNotFoundException>(error.Exception);
        Assert.Equal(first, await server.AssertServesAsync());
        server.AssertNothingHappened();

        Replace(server, TestPki.Pem(second));
        Assert.Equal(second, await server.AssertServesAsync());
        server.AssertNothingHappened();
    }

    [Fact]
    [Trait("Row", "T3")]
    [Trait("Row", "T9")]
    public async Task The_last_good_one_of_a_store_is_kept_on_demand_also_when_the_endpoint_is_opened_again()
    {
        string name = $"store-{Guid.NewGuid():N}";
        using X509Certificate2 certificate = TestPki.Default.Issue(name);
        using X509Certificate2 persisted = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.PersistKeySet);
        using var store = new X509Store(StoreName.My, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadWrite);
        store.Add(persisted);
        var time = new FakeTimeProvider();
        try
        {
            await using TestHost host = await TestHost.StartAsync(
                server => server.Listen("test", 0, Configure), services => services.AddSingleton<TimeProvider>(time));
            ISocketServer server = host.Server("test");
            var errors = new List<SocketServerError>();
            server.Error += errors.Add;
            await AssertServesAsync(server);

            store.Remove(persisted);
            time.Advance(TimeSpan.FromMinutes(2));
            await AssertServesAsync(server);
            await AssertServesAsync(server);
            SocketServerError error = Assert.Single(errors);
            Assert.Equal(SocketServerErrorStage.Certificate, error.Stage);
            Assert.Contains(name, error.Exception.Message, StringComparison.Ordinal);

            await server.CloseAsync();
            await host.Servers.ListenAsync("test", "0", Configure);
            await AssertServesAsync(server);
        }
        finally
        {
            store.Remove(persisted);
        }

        void Configure(ListenOptions listen) => listen
            .UseHttps(TlsCertificate.FromStore(name, allowInvalid: true), tls => tls.KeepLastGoodCertificate = true)
            .UseSocketHandler(connection => connection.Pipe(connection));

        async Task AssertServesAsync(ISocketServer server)
        {
            await using TlsClient client = await TlsClient.ConnectAsync(server.Address!, options => options.TargetHost = name);
            await TlsServer.AssertEchoAsync(client);
            Assert.Equal(certificate.GetCertHashString(), client.RemoteCertificate!.GetCertHashString());
        }
    }

    private static string Break(string good, string kind) => kind switch
    {
        "half" => good[..(good.IndexOf("PRIVATE KEY", StringComparison.Ordinal) + 40)],
        "empty" => "",
        "other" => TestPki.Default.Issue("localhost").ExportCertificatePem() + "\n" + good[good.IndexOf("-----BEGIN PRIVATE", StringComparison.Ordinal)..],
        _ => "nonsense",
    };

    // With a time of its own: two writes of the same size within the resolution of the file system's clock look the same.
    private static void Replace(TlsServer server, string text)
    {
        string path = Path.Combine(server.Folder, "server.pem");
        DateTime before = File.Exists(path) ? File.GetLastWriteTimeUtc(path) : DateTime.UtcNow;
        server.Write("server.pem", text);
        File.SetLastWriteTimeUtc(path, before.AddSeconds(1));
    }
}
