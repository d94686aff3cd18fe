using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace KestrelSocketServer.FunctionalTests.Chaos;

/// <summary>One of many clients: what it does follows from its random numbers alone.</summary>
internal sealed class ChaosClient(ChaosServer server, Random random)
{
    private static readonly Dictionary<string, Func<ChaosClient, Task>> Actions = new()
    {
        ["echo"] = static client => client.EchoAsync(secure: false, client._random.Next(1, 100_000), byteByByte: false),
        ["echo over TLS"] = static client => client.EchoAsync(secure: true, client._random.Next(1, 100_000), byteByByte: false),
        ["byte by byte"] = static client => client.EchoAsync(client._random.Next(2) == 0, client._random.Next(1, 60), byteByByte: true),
        ["huge"] = static client => client.EchoAsync(client._random.Next(2) == 0, 4_000_000, byteByByte: false),
        ["through a proxy"] = static client => client.EchoThroughProxyAsync(),
        ["from a denied address"] = static client => client.ComeFromDeniedAddressAsync(),
        ["reset"] = static client => client.ResetAsync(),
        ["leave"] = static client => client.LeaveAsync(),
        ["stopped reader"] = static client => client.StopReadingAsync(),
        ["flood"] = static client => client.FloodAsync("events", 40),
        ["handshake flood"] = static client => client.FloodAsync("secure", 20),
        ["garbage"] = static client => client.SendGarbageAsync(),
        ["throwing handler"] = static client => client.LetThrowAsync(),
        ["blocking handler"] = static client => client.LetBlockAsync(),
    };

    private readonly Random _random = random;

    public static IReadOnlyCollection<string> Names => Actions.Keys;

    /// <summary>Does one thing after the other until somebody says stop.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        string[] names = [.. Actions.Keys];
        while (!cancellationToken.IsCancellationRequested)
        {
            await TryAsync(names[_random.Next(names.Length)]);
        }
    }

    /// <summary>Does one thing. The server may refuse it, or be out of reach; it must not answer wrongly, or leave it waiting.</summary>
    public async Task TryAsync(string name)
    {
        try
        {
            await Actions[name](this);
        }
        catch (Exception exception) when (exception is IOException or SocketException or EndOfStreamException or System.Security.Authentication.AuthenticationException)
        {
            // Refused, reset, or ended: others use up the descriptors, or the certificate is just being changed.
        }
    }

    // What comes back is what was sent, or the connection has failed.
    private async Task EchoAsync(bool secure, int length, bool byteByByte)
    {
        byte[] sent = new byte[length];
        _random.NextBytes(sent);
        using Socket socket = await ConnectAsync(secure ? "secure" : ChaosServer.Echoes[_random.Next(ChaosServer.Echoes.Length)]);
        await using Stream stream = secure ? await EncryptAsync(socket) : new NetworkStream(socket);
        Task sending = SendAsync(stream, sent, byteByByte);
        byte[] received = new byte[length];
        try
        {
            await stream.ReadExactlyAsync(received).Soon();
        }
        finally
        {
            await Task.WhenAny(sending).Soon();
        }

        await sending;
        Assert.True(sent.AsSpan().SequenceEqual(received), "What came back is not what was sent.");
        socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await stream.ReadAsync(received).Soon());
    }

    private async Task EchoThroughProxyAsync()
    {
        using Socket socket = await ConnectAsync("proxied");
        string header = _random.Next(4) == 0 ? "GARBAGE 1 2 3\r\n" : $"PROXY TCP4 192.0.2.{_random.Next(256)} 192.0.2.1 {_random.Next(65536)} 443\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(header[..(_random.Next(5) == 0 ? header.Length / 2 : header.Length)])).Soon();
        await socket.SendAsync("echo"u8.ToArray()).Soon();
        await socket.ReceiveAsync(new byte[4]).Soon();
    }

    private async Task ComeFromDeniedAddressAsync()
    {
        using Socket socket = await ConnectAsync("events", from: IPAddress.Parse("127.0.0.66"));
        Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).Soon());
    }

    private static async Task SendAsync(Stream stream, byte[] data, bool byteByByte)
    {
        int step = byteByByte ? 1 : data.Length;
        for (int i = 0; i < data.Length; i += step)
        {
            await stream.WriteAsync(data.AsMemory(i, step)).Soon();
        }
    }

    private async Task ResetAsync()
    {
        using Socket socket = await ConnectAsync(ChaosServer.Echoes[_random.Next(ChaosServer.Echoes.Length)]);
        await socket.SendAsync(new byte[_random.Next(1, 10_000)]).Soon();
        socket.LingerState = new LingerOption(true, 0);
    }

    private async Task LeaveAsync()
    {
        using Socket socket = await ConnectAsync(ChaosServer.Echoes[_random.Next(ChaosServer.Echoes.Length)]);
        await socket.SendAsync(new byte[_random.Next(1, 10_000)]).Soon();
    }

    // Until the limit of the endpoint closes the connection, or it leaves.
    private async Task StopReadingAsync()
    {
        using Socket socket = await ConnectAsync("source", receiveBuffer: 4096);
        for (int i = _random.Next(1, 10); i > 0; i--)
        {
            await socket.SendAsync(new byte[1]).Soon();
        }

        socket.Shutdown(SocketShutdown.Send);
        if (_random.Next(2) == 0)
        {
            await ReceiveToEndAsync(socket);
        }
    }

    private async Task FloodAsync(string endpoint, int count)
    {
        Task<Socket>[] connects = [.. Enumerable.Range(0, count).Select(_ => ConnectAsync(endpoint))];
        await Task.WhenAny(Task.WhenAll(connects));
        foreach (Task<Socket> connect in connects.Where(connect => connect.IsCompletedSuccessfully))
        {
            using Socket socket = await connect;
            if (_random.Next(2) == 0)
            {
                // The first bytes of a hello, where there is TLS.
                await socket.SendAsync(new byte[] { 22, 3, 1, 2, 0, 1, 0 }).Soon();
            }
        }
    }

    private async Task SendGarbageAsync()
    {
        byte[] garbage = new byte[_random.Next(1, 2000)];
        _random.NextBytes(garbage);
        using Socket socket = await ConnectAsync("secure");
        await socket.SendAsync(garbage).Soon();
        await ReceiveToEndAsync(socket);
    }

    private async Task LetThrowAsync()
    {
        using Socket socket = await ConnectAsync("throws");
        await socket.SendAsync(new byte[1]).Soon();
        Assert.Equal(0, await ReceiveToEndAsync(socket));
    }

    private async Task LetBlockAsync()
    {
        using Socket socket = await ConnectAsync("blocks");
        await socket.SendAsync(new byte[1]).Soon();
        await socket.ReceiveAsync(new byte[1]).Soon();
    }

    private static async Task<int> ReceiveToEndAsync(Socket socket)
    {
        byte[] buffer = new byte[4096];
        int all = 0;
        int count;
        while ((count = await socket.ReceiveAsync(buffer).Soon()) > 0)
        {
            all += count;
        }

        return all;
    }

    private async Task<Socket> ConnectAsync(string endpoint, int? receiveBuffer = null, IPAddress? from = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (receiveBuffer is { } size)
            {
                socket.ReceiveBufferSize = size;
            }

            if (from is not null)
            {
                socket.Bind(new IPEndPoint(from, 0));
            }

            await socket.ConnectAsync(IPEndPoint.Parse(server.Addresses[endpoint])).Soon();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<Stream> EncryptAsync(Socket socket)
    {
        var stream = new SslStream(new NetworkStream(socket), leaveInnerStreamOpen: false);
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject.StartsWith("CN=localhost", StringComparison.Ordinal) == true,
        }).Soon();
        return stream;
    }
}
