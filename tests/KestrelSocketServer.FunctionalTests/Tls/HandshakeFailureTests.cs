using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer.FunctionalTests.Tls;

public sealed class HandshakeFailureTests
{
    // The head of a ClientHello that is never completed.
    private static readonly byte[] PartOfHello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];

    private static readonly Action<SslClientAuthenticationOptions> Good = static _ => { };

    [Fact]
    [Trait("Row", "T4")]
    [Trait("Row", "L4")]
    public async Task Garbage_is_a_failed_handshake()
    {
        await using TlsServer server = await StartAsync();
        await server.AssertRefusesAsync<AuthenticationException>(static socket => SendAsync(socket, "\0\u0001garbage garbage garbage\r\n\r\n"u8.ToArray()), Good);
    }

    [Fact]
    [Trait("Row", "T4")]
    public async Task Plain_HTTP_is_a_failed_handshake()
    {
        await using TlsServer server = await StartAsync();
        await server.AssertRefusesAsync<AuthenticationException>(
            static socket => SendAsync(socket, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray()), Good);
    }

    [Fact]
    [Trait("Row", "T4")]
    public async Task A_client_without_a_common_version_is_refused()
    {
        await using TlsServer server = await StartAsync();
        SocketServerError error = await RefusesOpenSslAsync(server, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0");
        Assert.IsType<AuthenticationException>(error.Exception);
    }

    [Fact]
    [Trait("Row", "T4")]
    public async Task A_client_without_a_common_cipher_is_refused()
    {
        await using TlsServer server = await StartAsync();
        SocketServerError error = await RefusesOpenSslAsync(server, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256");
        Assert.IsType<AuthenticationException>(error.Exception);
    }

    [Fact]
    [Trait("Row", "T4")]
    public async Task A_client_that_rejects_the_certificate_is_a_failed_handshake()
    {
        await using TlsServer server = await StartAsync();
        SocketServerError error = await RefusesOpenSslAsync(server, "-verify_return_error");
        Assert.Contains("alert", error.Exception.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    [Trait("Row", "T4")]
    public async Task A_client_that_leaves_midway_is_a_failed_handshake()
    {
        await using TlsServer server = await StartAsync();
        await server.AssertRefusesAsync<IOException>(
            static async socket =>
            {
                await SendAsync(socket, PartOfHello);
                socket.Close();
            },
            Good);
    }

    [Fact]
    [Trait("Row", "T4")]
    public async Task A_client_that_resets_midway_is_a_failed_handshake()
    {
        await using TlsServer server = await StartAsync();
        await server.AssertRefusesAsync<IOException>(
            static async socket =>
            {
                await SendAsync(socket, PartOfHello);
                socket.LingerState = new LingerOption(true, 0);
                socket.Close();
            },
            Good);
    }

    [Fact]
    [Trait("Row", "T5")]
    public async Task A_client_that_sends_nothing_is_closed_after_the_time_out()
    {
        var options = new SocketTlsOptions { Certificate = TlsCertificate.From(TestPki.Default.Issue("localhost")) };
        await using TimedTlsServer server = await new TimedTlsServer().StartAsync(options);
        SocketServerError error = await server.Tls.AssertRefusesAsync<TimeoutException>(_ => server.PassAsync(TimeSpan.FromSeconds(10)), Good);
        Assert.Contains("within 10", error.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "T3")]
    [Trait("Row", "T4")]
    public async Task A_missing_file_is_an_error_of_the_handshake()
    {
        await using var server = new TlsServer();
        string path = Path.Combine(server.Folder, "none.pem");
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        SocketServerError error = await server.AssertRefusesAsync<FileNotFoundException>(HelloAsync);
        Assert.Contains(path, error.Exception.Message, StringComparison.Ordinal);

        server.Write("none.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        await server.AssertServesAsync();
    }

    [Theory]
    [InlineData("wrong", "cannot be decrypted")]
    [InlineData(null, "no passphrase was given")]
    [Trait("Row", "T2")]
    [Trait("Row", "T4")]
    public async Task A_wrong_passphrase_is_an_error_of_the_handshake(string? passphrase, string message)
    {
        await using var server = new TlsServer();
        using var certificate = TestPki.Default.Issue("localhost");
        string path = server.Write("server.pem", certificate.ExportCertificatePem() + "\n" + TestPki.EncryptedKeyPem(certificate, "hunter2"));
        await server.StartAsync(listen => listen.UseHttps(path, passphrase: passphrase));
        SocketServerError error = await server.AssertRefusesAsync<CryptographicException>(HelloAsync);
        Assert.Contains(path, error.Exception.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "T4")]
    [Trait("Row", "T9")]
    public async Task A_client_without_a_certificate_is_refused_where_one_is_required()
    {
        using var certificate = TestPki.Default.Issue("client");
        await using TlsServer server = await StartAsync(static tls =>
        {
            tls.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            tls.ClientCertificateValidation = static (_, _, _) => true;
        });
        SocketServerError error = await server.AssertRefusesAsync<AuthenticationException>(
            HelloAsync, client => client.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null));
        Assert.Contains("presented no certificate", error.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    [Trait("Row", "T4")]
    [Trait("Row", "T9")]
    public async Task A_client_with_an_untrusted_certificate_is_refused(string encoding)
    {
        using var good = TestPki.Default.Issue("client");
        using var bad = TestPki.Other.Issue("stranger");
        await using var server = new TlsServer();
        string authorities = server.Write("ca.pem", TestPki.Default.Authority.ExportCertificatePem());
        File.WriteAllText(authorities, TestPki.Default.Authority.ExportCertificatePem(), Encoding.GetEncoding(encoding));
        string path = server.Write("server.pem", TestPki.Pem(TestPki.Default.Issue("localhost")));
        await server.StartAsync(listen => listen.UseHttps(path, tls =>
        {
            tls.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            tls.ClientCertificateAuthorities = authorities;
        }));
        SocketServerError error = await server.AssertRefusesAsync<AuthenticationException>(
            socket => HelloAsync(socket, client => client.ClientCertificateContext = SslStreamCertificateContext.Create(bad, null)),
            client => client.ClientCertificateContext = SslStreamCertificateContext.Create(good, null));
        Assert.Contains("CN=stranger is not trusted", error.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "T4")]
    public async Task Failures_of_Kestrels_own_UseHttps_are_reported_too(bool throws)
    {
        await using var server = new TlsServer();
        await server.StartAsync(listen => listen.UseHttps(https =>
        {
            https.ServerCertificateSelector = (_, _) => throws ? throw new NotSupportedException("no certificate today") : TestPki.Default.Issue("localhost");
        }));
        if (throws)
        {
            await server.AssertRefusesAsync<NotSupportedException>(HelloAsync);
        }
        else
        {
            await server.AssertRefusesAsync<AuthenticationException>(static socket => SendAsync(socket, "garbage\r\n\r\n"u8.ToArray()));
        }
    }

    [Fact]
    [Trait("Row", "L8")]
    public async Task A_stop_during_handshakes_is_no_failure()
    {
        await using TlsServer server = await StartAsync();
        using Socket stalled = await server.ConnectTcpAsync();
        await SendAsync(stalled, PartOfHello);
        await server.AssertServesAsync();
        await server.Host.StopAsync();
        await TlsServer.AssertClosedAsync(stalled);
        server.AssertNothingHappened();
    }

    [Fact]
    [Trait("Row", "T6")]
    public async Task Stalled_handshakes_delay_nobody()
    {
        await using TlsServer server = await StartAsync(static tls => tls.HandshakeTimeout = TimeSpan.FromMinutes(10));
        await server.AssertServesAsync();
        var stalled = new List<Socket>();
        try
        {
            for (int i = 0; i < 200; i++)
            {
                stalled.Add(await server.ConnectTcpAsync());
                await SendAsync(stalled[i], PartOfHello);
            }

            // The best of some, as other tests may want the processor at the same time.
            TimeSpan best = TimeSpan.MaxValue;
            for (int i = 0; i < 10 && best > TimeSpan.FromMilliseconds(100); i++)
            {
                long started = Stopwatch.GetTimestamp();
                await server.AssertServesAsync();
                TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
                best = elapsed < best ? elapsed : best;
            }

            Assert.True(best < TimeSpan.FromSeconds(1), $"served after {best}");
            server.AssertNothingHappened();
        }
        finally
        {
            stalled.ForEach(static socket => socket.Dispose());
        }
    }

    private static async Task<TlsServer> StartAsync(Action<SocketTlsOptions>? configure = null)
        => await new TlsServer().StartAsync(listen => listen.UseHttps(TlsCertificate.From(TestPki.Default.Issue("localhost")), configure));

    private static async Task<SocketServerError> RefusesOpenSslAsync(TlsServer server, params string[] arguments)
    {
        await OpenSsl.RunAsync("", ["s_client", "-connect", server.Address, "-servername", "localhost", .. arguments]);
        SocketServerError error = await server.ErrorAsync();
        Assert.Equal(SocketServerErrorStage.Handshake, error.Stage);
        Assert.StartsWith("127.0.0.1:", error.RemoteAddress, StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty(error.ConnectionId));
        await server.AssertServesAsync();
        server.AssertNothingHappened();
        return error;
    }

    private static async Task SendAsync(Socket socket, byte[] data) => await socket.SendAsync(data).Soon();

    private static Task HelloAsync(Socket socket) => HelloAsync(socket, static _ => { });

    // A client that means well, and learns that it is not wanted.
    private static async Task HelloAsync(Socket socket, Action<SslClientAuthenticationOptions> configure)
    {
        var options = new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = TlsServer.Trusting(TestPki.Default.Authority) };
        configure(options);
        var stream = new SslStream(new NetworkStream(socket));
        try
        {
            await stream.AuthenticateAsClientAsync(options).Soon();
            Assert.Equal(0, await stream.ReadAsync(new byte[1]).Soon());
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException)
        {
            // In TLS 1.3 a client may have finished before the server looks at its certificate.
        }
    }
}
