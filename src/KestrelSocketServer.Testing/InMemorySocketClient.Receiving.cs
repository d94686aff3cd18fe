using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using KestrelSocketServer.Addresses;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Testing;

public sealed partial class InMemorySocketClient
{
    private readonly Lock _receiving = new();

    // What a call has received that was cancelled, or that the stream was too short for.
    private ReadOnlyMemory<byte> _unread;
    private volatile bool _reset;

    // How many bytes are enough, less than zero where more are needed.
    private delegate int CountEnough(ReadOnlySpan<byte> received, bool hasEnded);

    /// <summary>Receives what has arrived, at least one byte; empty at the end of the stream.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ConnectionResetException">The client has reset the connection.</exception>
    public async Task<byte[]> ReceiveAsync(CancellationToken cancellationToken = default)
        => (await ReceiveAsync(static (received, hasEnded) => received.IsEmpty && !hasEnded ? -1 : received.Length, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Receives that many bytes and leaves the rest.</summary>
    /// <param name="count">How many bytes.</param>
    /// <param name="cancellationToken">Ends the wait; the next call receives what has arrived.</param>
    /// <exception cref="EndOfStreamException">The server ended the stream before.</exception>
    /// <exception cref="ConnectionResetException">The client has reset the connection.</exception>
    public async Task<byte[]> ReceiveExactlyAsync(int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);

        return await ReceiveAsync((received, _) => received.Length < count ? -1 : count, cancellationToken).ConfigureAwait(false)
            ?? throw new EndOfStreamException($"The server ended the stream after {_unread.Length} of {count} bytes.");
    }

    /// <summary>Receives until the server ends the stream.</summary>
    /// <param name="cancellationToken">Ends the wait; the next call receives what has arrived.</param>
    /// <exception cref="ConnectionResetException">The client has reset the connection.</exception>
    public async Task<byte[]> ReceiveToEndAsync(CancellationToken cancellationToken = default)
        => (await ReceiveAsync(static (received, hasEnded) => hasEnded ? received.Length : -1, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Receives up to and with a text in UTF-8, and leaves the rest.</summary>
    /// <param name="delimiter">The text that ends what is received.</param>
    /// <param name="cancellationToken">Ends the wait; the next call receives what has arrived.</param>
    /// <returns>All that was received, with the delimiter.</returns>
    /// <exception cref="EndOfStreamException">The server ended the stream before.</exception>
    /// <exception cref="ConnectionResetException">The client has reset the connection.</exception>
    public async Task<string> ReceiveUntilAsync(string delimiter, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(delimiter);

        byte[] end = Encoding.UTF8.GetBytes(delimiter);
        byte[] bytes = await ReceiveAsync((received, _) => received.IndexOf(end) is >= 0 and var index ? index + end.Length : -1, cancellationToken).ConfigureAwait(false)
            ?? throw new EndOfStreamException($"The server ended the stream without '{PrintableText.From(delimiter)}', after '{UnreadText}'.");
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Receives a line of UTF-8, ended by a line feed with or without a carriage return before it.</summary>
    /// <param name="cancellationToken">Ends the wait; the next call receives what has arrived.</param>
    /// <returns>The line without its end; null where the stream has ended.</returns>
    /// <exception cref="EndOfStreamException">The server ended the stream in the middle of a line.</exception>
    /// <exception cref="ConnectionResetException">The client has reset the connection.</exception>
    public async Task<string?> ReceiveLineAsync(CancellationToken cancellationToken = default)
    {
        byte[] line = await ReceiveAsync(
            static (received, hasEnded) => hasEnded && received.IsEmpty ? 0 : received.IndexOf((byte)'\n') is >= 0 and var index ? index + 1 : -1,
            cancellationToken).ConfigureAwait(false)
            ?? throw new EndOfStreamException($"The server ended the stream in the middle of a line, after '{UnreadText}'.");
        return line switch
        {
            [] => null,
            [.. byte[] text, (byte)'\r', (byte)'\n'] => Encoding.UTF8.GetString(text),
            _ => Encoding.UTF8.GetString(line, 0, line.Length - 1),
        };
    }

    private string UnreadText => PrintableText.From(Encoding.UTF8.GetString(_unread.Span));

    // Receives until there is enough, and leaves the rest to the next call; null where the stream ends before.
    private async Task<byte[]?> ReceiveAsync(CountEnough countEnough, CancellationToken cancellationToken)
    {
        var received = new ArrayBufferWriter<byte>();
        received.Write(_unread.Span);
        int enough = countEnough(received.WrittenSpan, hasEnded: false);
        bool hasEnded = false;
        while (enough < 0 && !hasEnded)
        {
            ReadResult result = await ReadAsync(cancellationToken).ConfigureAwait(false);
            lock (_receiving)
            {
                ThrowIfReset();
                int known = received.WrittenCount;
                received.Write(result.Buffer.ToArray());
                hasEnded = result.IsCompleted;
                enough = countEnough(received.WrittenSpan, hasEnded && _fault is null);

                // What is left in the pipe counts as unsent for the handler.
                _context.ClientInput.AdvanceTo(enough < 0 ? result.Buffer.End : result.Buffer.GetPosition(enough - known));
                _unread = enough < 0 ? received.WrittenMemory : default;
            }
        }

        if (enough < 0)
        {
            _fault?.Throw();
            return null;
        }

        // Something is left here only where nothing had to be read.
        _unread = _unread.Length > enough ? _unread[enough..] : default;
        return received.WrittenSpan[..enough].ToArray();
    }

    private async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _context.ClientInput.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException) when (_reset)
        {
            throw new ConnectionResetException(ResetMessage);
        }
    }

    private void ThrowIfReset()
    {
        if (_reset)
        {
            throw new ConnectionResetException(ResetMessage);
        }
    }
}
