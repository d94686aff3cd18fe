using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace KestrelSocketServer.Benchmarks;

/// <summary>A client of <see cref="SoakServer"/> that checks all it gets.</summary>
internal sealed class SoakClient : IAsyncDisposable
{
    private const int ReadSize = 32 * 1024;

    private static readonly SslClientAuthenticationOptions TlsOptions = new()
    {
        TargetHost = "localhost",
        RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
    };

    private readonly SoakContent _content = new();
    private readonly Socket _socket;
    private Stream _stream;

    private SoakClient(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    public static async Task<SoakClient> ConnectAsync(IPEndPoint server, CancellationToken cancellationToken, int? receiveBuffer = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (receiveBuffer is { } size)
            {
                socket.ReceiveBufferSize = size;
            }

            await socket.ConnectAsync(server, cancellationToken);
            return new SoakClient(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task StartTlsAsync(CancellationToken cancellationToken)
    {
        var tls = new SslStream(_stream);
        _stream = tls;
        await tls.AuthenticateAsClientAsync(TlsOptions, cancellationToken);
    }

    public async Task SendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) => await _stream.WriteAsync(data, cancellationToken);

    /// <summary>Sends without end, until cancelled.</summary>
    public async Task SendOnAsync(CancellationToken cancellationToken)
    {
        for (long sent = 0; ; sent += ReadSize)
        {
            await _stream.WriteAsync(_content.At(sent, ReadSize), cancellationToken);
        }
    }

    /// <summary>Sends a number of bytes and has them all echoed, both at the same time, each read at a pace, where one is given.</summary>
    public async Task ExchangeAsync(long length, CancellationToken cancellationToken, TimeSpan? pace = null)
    {
        Task sending = SendContentAsync(length, cancellationToken);
        using PeriodicTimer? timer = pace is { } period ? new PeriodicTimer(period) : null;
        byte[] buffer = new byte[ReadSize];
        for (long received = 0; received < length;)
        {
            if (timer is not null)
            {
                await timer.WaitForNextTickAsync(cancellationToken);
            }

            int count = await _stream.ReadAsync(buffer, cancellationToken);
            if (count == 0)
            {
                throw new EndOfStreamException($"The server ended after {received} of {length} bytes.");
            }

            _content.Check(received, buffer.AsSpan(0, count));
            received += count;
        }

        await sending;
    }

    /// <summary>Ends sending, then waits for the server's end; nothing is to come before it.</summary>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        _socket.Shutdown(SocketShutdown.Send);
        if (await _stream.ReadAsync(new byte[1], cancellationToken) != 0)
        {
            throw new InvalidDataException("The server sent more than it was sent.");
        }
    }

    /// <summary>Reads until the server has ended or reset the connection.</summary>
    public async Task WaitForGoodbyeAsync(CancellationToken cancellationToken)
    {
        try
        {
            byte[] buffer = new byte[256];
            while (await _stream.ReadAsync(buffer, cancellationToken) != 0)
            {
                // Only the end counts.
            }
        }
        catch (IOException)
        {
            // A reset ends it too.
        }
    }

    /// <summary>Has TCP tell the server by a reset that all is over.</summary>
    public void Reset() => _socket.Close(0);

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _socket.Dispose();
    }

    private async Task SendContentAsync(long length, CancellationToken cancellationToken)
    {
        for (long sent = 0; sent < length;)
        {
            ReadOnlyMemory<byte> piece = _content.At(sent, length - sent);
            await _stream.WriteAsync(piece, cancellationToken);
            sent += piece.Length;
        }
    }
}
