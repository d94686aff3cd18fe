using System.Runtime.CompilerServices;

namespace KestrelSocketServer;

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

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        => connection.ReadAsync(this, buffer, cancellationToken);

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

    public void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);

    private static NotSupportedException AsyncOnly() => new("The stream of a connection is asynchronous: use ReadAsync and WriteAsync.");
}
