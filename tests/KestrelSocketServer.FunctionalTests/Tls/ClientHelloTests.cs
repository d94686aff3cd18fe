using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>The host name in a ClientHello, however that is cut into records and segments.</summary>
[Trait("Row", "T20")]
public sealed class ClientHelloTests
{
    private static readonly string[] Names = ["localhost", "a.example", "b.example"];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 24)];

    // The length of a ClientHello with the key share of X25519MLKEM768 is reached by names of application protocols, as the OpenSSL below
    // may not know that group.
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Any_split_into_records_and_segments_gives_the_same_name_and_certificate(int seed)
    {
        var random = new Random(seed);
        string name = Names[random.Next(Names.Length)];
        SslApplicationProtocol[] protocols = [.. Enumerable.Range(0, random.Next(60)).Select(number => new SslApplicationProtocol($"{number}".PadLeft(random.Next(4, 200), 'p')))];
        int longestRecord = random.Next(1, 2000);
        int longestSegment = random.Next(40, 3000);
        await using TlsServer server = await StartAsync(static options => options.Certificate = TlsCertificate.From(TestPki.Default.Issue("localhost")));
        using Socket socket = await server.ConnectTcpAsync();
        await using var split = new SplittingStream(
            new NetworkStream(socket), () => random.Next(Math.Max(longestRecord / 2, 1), longestRecord + 1), () => random.Next(1, longestSegment + 1));
        await using var client = new SslStream(split);

        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = name,
            ApplicationProtocols = [.. protocols],
            CertificateChainPolicy = TlsServer.Trusting(TestPki.Default.Authority),
            EnabledSslProtocols = random.Next(2) == 0 ? SslProtocols.Tls12 : SslProtocols.Tls13,
        }).Soon();

        // The chain policy has looked at the name too.
        Assert.Equal($"CN={name}", client.RemoteCertificate!.Subject);
        Assert.Equal(name, (await server.ConnectionAsync()).Tls!.ServerName);
        Assert.True(protocols.Length < 40 || split.HelloLength > 1400, $"{split.HelloLength} bytes");
        await TlsServer.AssertEchoAsync(client);
    }

    // Made by hand: it has the size and the groups of today's browsers, and is answered, but nobody can finish the handshake.
    [Theory]
    [InlineData(16 * 1024, 16 * 1024)]
    [InlineData(16 * 1024, 1400)]
    [InlineData(16 * 1024, 100)]
    [InlineData(700, 16 * 1024)]
    [InlineData(700, 1400)]
    [InlineData(64, 13)]
    public async Task A_hello_with_a_post_quantum_key_share_is_answered(int recordLength, int segmentLength)
    {
        await using TlsServer server = await StartAsync(static _ => { });
        byte[] hello = PostQuantumHello("a.example");
        Assert.True(hello.Length > 1400, $"{hello.Length} bytes");
        using Socket socket = await server.ConnectTcpAsync();
        await using var stream = new NetworkStream(socket);

        await SplittingStream.SendAsync(stream, SplittingStream.Split(hello, () => recordLength), () => segmentLength).Soon();

        // A record of the handshake and no alert: the name was found, as there is no certificate for others.
        byte[] answer = new byte[6];
        await stream.ReadExactlyAsync(answer).Soon();
        Assert.Equal(22, answer[0]);
        Assert.Equal(2, answer[5]);
    }

    [Fact]
    [Trait("Row", "T5")]
    public async Task A_hello_in_records_without_end_is_given_up()
    {
        await using TimedTlsServer server = await new TimedTlsServer().StartAsync(
            new SocketTlsOptions { Certificate = TlsCertificate.From(TestPki.Default.Issue("localhost")) });
        byte[] record = new byte[5 + 16_000];
        byte[] head = [22, 3, 1, 0, 0, 1, 0, 0x3e, 0x7c];
        head.CopyTo(record, 0);
        byte[] split = SplittingStream.Split(record, static () => 1);

        await server.Tls.AssertRefusesAsync<Exception>(
            async socket =>
            {
                await using var stream = new NetworkStream(socket);
                await SplittingStream.SendAsync(stream, split.AsMemory(0, split.Length - 6), static () => 1000);
                await server.PassAsync(TimeSpan.FromSeconds(10));
            },
            static _ => { });
    }

    private static async Task<TlsServer> StartAsync(Action<SocketTlsOptions> configure)
    {
        var options = new SocketTlsOptions();
        options.Sni["a.example"] = TlsCertificate.From(TestPki.Default.Issue("a.example"));
        options.Sni["b.example"] = TlsCertificate.From(TestPki.Default.Issue("b.example"));
        configure(options);
        return await new TlsServer().StartAsync(listen => listen.UseHttps(options));
    }

    private static byte[] PostQuantumHello(string name)
    {
        byte[] host = Encoding.ASCII.GetBytes(name);
        byte[] share = new byte[1184 + 32];
        share.AsSpan(1184).Fill(9);
        byte[] classic = new byte[32];
        classic.AsSpan().Fill(9);
        byte[] extensions =
        [
            .. Extension(0, Sized([0, .. Sized(host)])),
            .. Extension(10, Sized([0x11, 0xec, 0, 0x1d])),
            .. Extension(13, Sized([4, 3, 8, 4, 4, 1])),
            .. Extension(43, [2, 3, 4]),
            .. Extension(45, [1, 1]),
            .. Extension(51, Sized([0x11, 0xec, .. Sized(share), 0, 0x1d, .. Sized(classic)])),
        ];
        byte[] body = [3, 3, .. classic, 32, .. classic, .. Sized([0x13, 1, 0x13, 2, 0x13, 3]), 1, 0, .. Sized(extensions)];
        return [22, 3, 1, .. Sized([1, 0, .. Sized(body)])];
    }

    private static byte[] Extension(byte number, byte[] content) => [0, number, .. Sized(content)];

    private static byte[] Sized(byte[] content)
    {
        byte[] length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)content.Length);
        return [.. length, .. content];
    }
}
