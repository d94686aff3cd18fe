using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.FunctionalTests.Samples;

/// <summary>The console samples over TLS, with a certificate made by the sample for that.</summary>
public sealed class TlsSampleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kestrel-socket-server-").FullName;

    [Theory]
    [InlineData(null)]
    [InlineData("secret")]
    [Trait("Row", "X5")]
    [Trait("Row", "X2")]
    [Trait("Row", "T1")]
    [Trait("Row", "T2")]
    public async Task Echo_uses_a_self_signed_certificate(string? passphrase)
    {
        string path = await MakeCertificateAsync(passphrase);
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Echo", ["127.0.0.1:0", path, .. passphrase is null ? (string[])[] : [passphrase]]);
        await using SampleProcess _ = sample;
        await AssertEchoesAsync(address, path);
    }

    [Fact]
    [Trait("Row", "X1")]
    public async Task Hello_greets()
    {
        string path = await MakeCertificateAsync(null);
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Hello", "127.0.0.1:0", path);
        await using SampleProcess _ = sample;
        await using SslStream client = await ConnectAsync(address, path);
        using var reader = new StreamReader(client);
        Assert.StartsWith("Hello 127.0.0.1:", await reader.ReadLineAsync().WaitAsync(TestTimeout.Value), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "X3")]
    public async Task Chat_talks()
    {
        string path = await MakeCertificateAsync(null);
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Chat", "127.0.0.1:0", path);
        await using SampleProcess _ = sample;
        await using SslStream client = await ConnectAsync(address, path);
        await client.WriteAsync("Hello!\n"u8.ToArray()).AsTask().WaitAsync(TestTimeout.Value);
        using var reader = new StreamReader(client);
        Assert.EndsWith(": Hello!", await reader.ReadLineAsync().WaitAsync(TestTimeout.Value), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "X4")]
    public async Task Throughput_counts()
    {
        string path = await MakeCertificateAsync(null);
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Throughput", "127.0.0.1:0", path);
        await using SampleProcess _ = sample;
        await using (SslStream client = await ConnectAsync(address, path))
        {
            await client.WriteAsync(new byte[100_000]).AsTask().WaitAsync(TestTimeout.Value);
            await client.ShutdownAsync().WaitAsync(TestTimeout.Value);
            Assert.Equal(0, await client.ReadAsync(new byte[1]).AsTask().WaitAsync(TestTimeout.Value));
        }

        Assert.Contains(": 100000 bytes in ", await sample.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "X5")]
    public async Task A_certificate_is_readable_by_its_owner_alone_and_never_overwritten()
    {
        string path = await MakeCertificateAsync(null);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        }

        await using SampleProcess again = SampleProcess.Start("SelfSigned", "localhost", path);
        (int exitCode, _, string errors) = await again.WaitForExitAsync();
        Assert.Equal(1, exitCode);
        Assert.Contains(path, errors, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static async Task AssertEchoesAsync(IPEndPoint address, string trusted)
    {
        await using SslStream client = await ConnectAsync(address, trusted);
        await client.WriteAsync("there and back\n"u8.ToArray()).AsTask().WaitAsync(TestTimeout.Value);
        using var reader = new StreamReader(client);
        Assert.Equal("there and back", await reader.ReadLineAsync().WaitAsync(TestTimeout.Value));
    }

    private static async Task<SslStream> ConnectAsync(IPEndPoint address, string trusted)
    {
        var client = new TcpClient();
        await client.ConnectAsync(address).WaitAsync(TestTimeout.Value);
        var stream = new SslStream(client.GetStream());
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(trusted));
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = policy })
            .WaitAsync(TestTimeout.Value);
        return stream;
    }

    private async Task<string> MakeCertificateAsync(string? passphrase)
    {
        string path = Path.Combine(_folder, "server.pem");
        await using SampleProcess sample = SampleProcess.Start("SelfSigned", ["localhost", path, .. passphrase is null ? (string[])[] : [passphrase]]);
        Assert.Equal(0, (await sample.WaitForExitAsync()).ExitCode);
        return path;
    }
}
