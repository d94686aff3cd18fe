using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer.Connections;

/// <summary>A connection as a <see cref="Stream"/>: writes go the connection's own way, with its limits.</summary>
internal sealed class ConnectionStream(SocketConnection connection) : Stream
{
    private volatile bool _isDisposed;

    public override bool CanRead => !_isDisposed;

    public override bool CanWrite => !_isDisposed;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>
    /// Reads; zero bytes mean the end. A zero-byte read waits for data. Where the stream was disposed of, which ended the connection, that
    /// is no end of what the peer sends, and must not be taken for it.
    /// </summary>
    // Pooled, as a read that has to wait would otherwise allocate.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var reading = new PullReading(connection);
        while (true)
        {
            ReadResult result;
            try
            {
                result = await connection.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (reading.IsEnd(exception))
            {
                ThrowIfDisposed();
                return 0;
            }

            if (reading.IsData(result))
            {
                ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, buffer.Length));
                int count = (int)taken.Length;
                taken.CopyTo(buffer.Span);
                connection.Input.AdvanceTo(taken.End);
                return count;
            }

            if (reading.SkipToEnd(result))
            {
                ThrowIfDisposed();
                return 0;
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!await connection.WriteAsync(buffer, cancellationToken).ConfigureAwait(false))
        {
            throw new IOException($"Connection {connection.Id} is closed for writing.");
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Does nothing: every write is sent at once.</summary>
    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw AsyncOnly();

    public override void Write(byte[] buffer, int offset, int count) => throw AsyncOnly();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _isDisposed = true;
            connection.End();
        }

        base.Dispose(disposing);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);

    private static NotSupportedException AsyncOnly() => new("The stream of a connection is asynchronous: use ReadAsync and WriteAsync.");
}
