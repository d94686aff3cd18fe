using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>Kestrel's own overloads of <c>UseHttps</c>, in a host without a web server.</summary>
[Trait("Row", "T22")]
public sealed class KestrelHttpsTests
{
    private const string DevelopmentExtension = "1.3.6.1.4.1.311.84.1.1";
    private const byte DevelopmentVersion = 6;

    private static readonly X509Certificate2 Certificate = TestPki.Default.Issue("localhost");

    public static TheoryData<string> Overloads => [.. Known.Keys];

    private static Dictionary<string, Action<ListenOptions>> Known { get; } = new()
    {
        ["a certificate"] = static listen => listen.UseHttps(Certificate),
        ["a certificate and options"] = static listen => listen.UseHttps(Certificate, static https => https.SslProtocols = SslProtocols.Tls12),
        ["options"] = static listen => listen.UseHttps(static https => https.ServerCertificateSelector = static (_, _) => Certificate),
        ["an object of options"] = static listen => listen.UseHttps(new HttpsConnectionAdapterOptions { ServerCertificate = Certificate }),
        ["a callback"] = static listen => listen.UseHttps(static (_, _, _, _) => ValueTask.FromResult(ServerOptions), new object()),
        ["an object with a callback"] = static listen => listen.UseHttps(
            new TlsHandshakeCallbackOptions { OnConnection = static _ => ValueTask.FromResult(ServerOptions) }),
    };

    private static SslServerAuthenticationOptions ServerOptions => new() { ServerCertificate = Certificate };

    [Theory]
    [MemberData(nameof(Overloads))]
    public async Task Each_overload_serves_over_TLS(string overload)
    {
        await using var server = new TlsServer();
        await server.StartAsync(Known[overload]);

        Assert.Equal(Certificate.Thumbprint, (await server.AssertServesAsync()).Thumbprint);
        server.AssertNothingHappened();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_serves_over_TLS(bool configures)
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pfx", Certificate.Export(X509ContentType.Pkcs12, "secret"));
        await server.StartAsync(listen => _ = configures ? listen.UseHttps(path, "secret", https => https.SslProtocols = SslProtocols.Tls13) : listen.UseHttps(path, "secret"));

        Assert.Equal(Certificate.Thumbprint, (await server.AssertServesAsync()).Thumbprint);
    }

    [Fact]
    public async Task A_certificate_of_the_store_serves_over_TLS()
    {
        string name = $"kestrel-{Guid.NewGuid():N}";
        using X509Certificate2 certificate = TestPki.Default.Issue(name);
        using var stored = new StoredCertificate(certificate);
        await using var server = new TlsServer();
        await server.StartAsync(listen => listen.UseHttps(StoreName.My, name, allowInvalid: true, StoreLocation.CurrentUser));

        Assert.Equal(certificate.Thumbprint, (await server.AssertServesAsync(client => client.TargetHost = name)).Thumbprint);
    }

    [Fact]
    public async Task The_development_certificate_serves_over_TLS()
    {
        using X509Certificate2 certificate = CreateDevelopmentCertificate();
        using var stored = new StoredCertificate(certificate);
        await using var server = new TlsServer();
        await server.StartAsync(static listen => listen.UseHttps());

        X509Certificate2 seen = await server.AssertServesAsync(static client =>
        {
            // There may be another one on this machine.
            client.CertificateChainPolicy = null;
            client.RemoteCertificateValidationCallback = static (_, certificate, _, _) => IsDevelopment(certificate as X509Certificate2);
        });
        Assert.True(IsDevelopment(seen));
    }

    [Fact]
    public async Task Its_connections_run_on_their_event_loop()
    {
        var thread = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            _ => thread.SetResult(Thread.CurrentThread.Name), TestTransport.KestrelTls, setup: HostSetup.On(SocketTransportDriver.EventLoop));

        using RawClient client = await server.ConnectAsync();

        Assert.StartsWith("Socket event loop", await thread.Task.Soon(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "T20")]
    public async Task The_host_name_is_found_in_a_hello_of_small_records()
    {
        var asked = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new TlsServer();
        await server.StartAsync(listen => listen.UseHttps(https => https.ServerCertificateSelector = (_, name) =>
        {
            asked.TrySetResult(name);
            return Certificate;
        }));
        using Socket socket = await server.ConnectTcpAsync();
        await using var split = new SplittingStream(new NetworkStream(socket), static () => 100, static () => 50);
        await using var client = new SslStream(split);

        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            CertificateChainPolicy = TlsServer.Trusting(TestPki.Default.Authority),
        }).Soon();

        Assert.Equal("localhost", await asked.Task.Soon());
        await TlsServer.AssertEchoAsync(client);
    }

    [Fact]
    public async Task Endpoints_that_share_Kestrel_do_not_affect_one_another()
    {
        await using TestHost host = await TestHost.StartAsync(static server =>
        {
            server.Listen("one", 0, Echo);
            server.Listen("two", 0, Echo);
        });
        await using TlsClient one = await TlsClient.ConnectAsync(host.Server("one").Address!);
        await TlsServer.AssertEchoAsync(one);
        using (Socket stalled = await TlsClient.ConnectTcpAsync(host.Server("two").Address!))
        {
            await stalled.SendAsync("garbage\r\n\r\n"u8.ToArray()).Soon();
            await TlsServer.AssertClosedAsync(stalled);
        }

        string two = host.Server("two").Address!;
        await host.Server("two").CloseAsync();
        ISocketServer three = await host.Servers.ListenAsync("three", two, Echo);

        await TlsServer.AssertEchoAsync(one);
        await using TlsClient client = await TlsClient.ConnectAsync(three.Address!);
        await TlsServer.AssertEchoAsync(client);
    }

    private static void Echo(ListenOptions listen) => listen.UseHttps(Certificate).UseSocketHandler(static connection => connection.Pipe(connection));

    private static bool IsDevelopment(X509Certificate2? certificate)
        => certificate?.Extensions.Any(static extension => extension.Oid?.Value == DevelopmentExtension) == true;

    // As `dotnet dev-certs https` makes them.
    private static X509Certificate2 CreateDevelopmentCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(TestPki.ServerUsage)], critical: true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build(critical: true));
        request.CertificateExtensions.Add(new X509Extension(new Oid(DevelopmentExtension), [DevelopmentVersion], critical: false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    /// <summary>In the user's store, until it is disposed of.</summary>
    private sealed class StoredCertificate : IDisposable
    {
        private readonly X509Store _store = new(StoreName.My, StoreLocation.CurrentUser);
        private readonly X509Certificate2 _certificate;

        public StoredCertificate(X509Certificate2 certificate)
        {
            _certificate = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.PersistKeySet);
            _store.Open(OpenFlags.ReadWrite);
            _store.Add(_certificate);
        }

        public void Dispose()
        {
            _store.Remove(_certificate);
            _store.Dispose();
            _certificate.Dispose();
        }
    }
}
