using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Testing;

/// <summary>
/// A client that is connected to a handler in memory: tests of handlers need no port, no host and no socket.
/// </summary>
/// <example>
/// <code>
/// await using var client = InMemorySocketClient.Connect(connection => connection.Pipe(connection));
/// await client.SendAsync("hello");
/// Assert.Equal("hello", Encoding.UTF8.GetString(await client.ReceiveExactlyAsync(5)));
/// </code>
/// </example>
/// <remarks>Sending and receiving may go on at the same time, but not two calls of the same kind.</remarks>
public sealed partial class InMemorySocketClient : IAsyncDisposable
{
    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(5);

    private const string ResetMessage = "The client has reset the connection.";

    private static long s_lastId;

    private readonly InMemoryConnectionContext _context;
    private readonly Lock _receiving = new();
    private volatile bool _reset;

    private InMemorySocketClient(InMemorySocketClientOptions options, ConnectionDelegate handler)
    {
        _context = new InMemoryConnectionContext($"memory-{Interlocked.Increment(ref s_lastId)}", options);
        Completion = RunAsync(handler);
    }

    /// <summary>The server's side of the connection, as the handler sees it.</summary>
    public ConnectionContext Connection => _context;

    /// <summary>Completes when the handler is done with the connection; fails with what a <see cref="ConnectionDelegate"/> threw.</summary>
    public Task Completion { get; }

    /// <summary>Completes with the reason when the server has aborted the connection, as it does to close without a flush.</summary>
    public Task<ConnectionAbortedException> Aborted => _context.Aborted;

    /// <summary>Sends bytes; completes when the connection has room for more.</summary>
    /// <param name="data">The bytes; copied before the call returns.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">The client has ended or reset the connection, or the server no longer receives.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        FlushResult result = await _context.WriteAsync(data, cancellationToken).ConfigureAwait(false);
        if (result.IsCompleted)
        {
            throw new IOException("The server no longer receives.");
        }
    }

    /// <summary>Sends text as UTF-8.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">The client has ended or reset the connection, or the server no longer receives.</exception>
    public Task SendAsync(string text, CancellationToken cancellationToken = default) => SendAsync(Encoding.UTF8.GetBytes(text), cancellationToken);

    /// <summary>Sends the end of the stream (FIN) and goes on receiving. A second call has no effect.</summary>
    public void End() => _context.EndInput(null);

    /// <summary>Leaves without a word (RST): reading and writing fail on the server's side, and receiving on this one.</summary>
    public void Reset()
    {
        lock (_receiving)
        {
            _reset = true;
            _context.ClientInput.CancelPendingRead();
            _context.EndInput(new ConnectionResetException(ResetMessage));
        }
    }

    /// <summary>Receives what has arrived, at least one byte; empty at the end of the stream.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<byte[]> ReceiveAsync(CancellationToken cancellationToken = default) => ReceiveUpToAsync(int.MaxValue, cancellationToken).AsTask();

    /// <summary>Receives that many bytes and leaves the rest.</summary>
    /// <param name="count">How many bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="EndOfStreamException">The server ended the stream before.</exception>
    public async Task<byte[]> ReceiveExactlyAsync(int count, CancellationToken cancellationToken = default)
    {
        var received = new ArrayBufferWriter<byte>(Math.Max(1, count));
        while (received.WrittenCount < count)
        {
            byte[] part = await ReceiveUpToAsync(count - received.WrittenCount, cancellationToken).ConfigureAwait(false);
            if (part.Length == 0)
            {
                throw new EndOfStreamException($"The server ended the stream after {received.WrittenCount} of {count} bytes.");
            }

            received.Write(part);
        }

        return received.WrittenSpan.ToArray();
    }

    /// <summary>Receives until the server ends the stream.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<byte[]> ReceiveToEndAsync(CancellationToken cancellationToken = default)
    {
        var received = new ArrayBufferWriter<byte>();
        while (await ReceiveAsync(cancellationToken).ConfigureAwait(false) is { Length: > 0 } part)
        {
            received.Write(part);
        }

        return received.WrittenSpan.ToArray();
    }

    /// <summary>
    /// Ends the client's side and waits for the server's side to come to its end: for five seconds at most, as a handler may
    /// never do that.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (!Completion.IsCompleted)
        {
            Reset();
        }

        await Completion.WaitAsync(DisposeTimeout).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _context.DisposeAsync().ConfigureAwait(false);
    }

    private async Task RunAsync(ConnectionDelegate handler)
    {
        // Not on the thread of the caller, which would have to wait for a handler that blocks.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await handler(_context).ConfigureAwait(false);
        }
        finally
        {
            await _context.CompleteAsync().ConfigureAwait(false);
        }
    }

    // Empty at the end of the stream only.
    private async ValueTask<byte[]> ReceiveUpToAsync(int count, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _context.ClientInput.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidOperationException) when (_reset)
            {
                throw new ConnectionResetException(ResetMessage);
            }

            lock (_receiving)
            {
                if (_reset)
                {
                    throw new ConnectionResetException(ResetMessage);
                }

                ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, count));
                byte[] received = taken.ToArray();
                _context.ClientInput.AdvanceTo(taken.End);
                if (received.Length > 0 || result.IsCompleted)
                {
                    return received;
                }
            }
        }
    }
}
