using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KestrelSocketServer.TestSupport;

/// <summary>A client with its own socket, that does what real clients do, and the rude things too.</summary>
public sealed class RawClient : IDisposable
{
    private readonly TestTransport _transport;

    private RawClient(Socket socket, Stream stream, EndPoint remote, TestTransport transport)
    {
        Socket = socket;
        Stream = stream;
        _transport = transport;
        LocalAddress = socket.LocalEndPoint!.ToString()!;
        RemoteAddress = remote.ToString()!;
    }

    public Socket Socket { get; }

    /// <summary>What the application reads and writes: the socket's bytes, or what is inside TLS.</summary>
    public Stream Stream { get; }

    /// <summary>The client's own address as <c>ip:port</c>, also when it is closed.</summary>
    public string LocalAddress { get; }

    /// <summary>The address that the client reached.</summary>
    public string RemoteAddress { get; }

    /// <param name="endPoint">What to connect to.</param>
    /// <param name="transport">Plain TCP by default.</param>
    /// <param name="receiveBuffer">The size of the socket's receive buffer: small ones make a slow reader felt soon.</param>
    /// <param name="from">The address that the client has; the system's choice by default.</param>
    public static async Task<RawClient> ConnectAsync(EndPoint endPoint, TestTransport? transport = null, int? receiveBuffer = null, IPAddress? from = null)
    {
        transport ??= TestTransport.Plain;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
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

            await socket.ConnectAsync(endPoint).Soon();
            return new RawClient(socket, await transport.ConnectAsync(socket), endPoint, transport);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static Task<RawClient> ConnectAsync(string address, TestTransport? transport = null, int? receiveBuffer = null)
        => ConnectAsync(IPEndPoint.Parse(address), transport, receiveBuffer);

    public static Task<RawClient> ConnectAsync(ISocketServer server, TestTransport? transport = null, int? receiveBuffer = null)
        => ConnectAsync(server.EndPoint ?? throw new InvalidOperationException($"{server.Name} does not listen."), transport, receiveBuffer);

    public Task SendAsync(ReadOnlyMemory<byte> data) => Stream.WriteAsync(data).Soon();

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    /// <exception cref="EndOfStreamException">The server ended the stream before that many bytes.</exception>
    /// <exception cref="IOException">The connection was reset.</exception>
    public async Task<byte[]> ReceiveExactlyAsync(int count)
    {
        byte[] received = new byte[count];
        await Stream.ReadExactlyAsync(received).Soon();
        return received;
    }

    public async Task<string> ReceiveTextAsync(int bytes) => Encoding.UTF8.GetString(await ReceiveExactlyAsync(bytes));

    /// <summary>Receives until the server ends the stream.</summary>
    /// <exception cref="IOException">The connection was reset.</exception>
    public async Task<byte[]> ReceiveToEndAsync()
    {
        using var received = new MemoryStream();
        await Stream.CopyToAsync(received).Soon();
        return received.ToArray();
    }

    public async Task<string> ReceiveTextToEndAsync() => Encoding.UTF8.GetString(await ReceiveToEndAsync());

    /// <summary>Sends FIN and goes on receiving.</summary>
    public Task ShutdownSendAsync() => _transport.ShutdownSendAsync(Socket, Stream);

    /// <summary>Leaves with a reset (RST).</summary>
    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }

    public void Dispose()
    {
        // Not the stream: over TLS it would say goodbye on a socket that may be gone.
        Socket.Dispose();
    }
}
