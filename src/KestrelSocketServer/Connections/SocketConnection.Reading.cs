using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer;

internal sealed partial class SocketConnection
{
    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync(CancellationToken cancellationToken = default)
    {
        Claim(ReadStyle.Chunks);
        return ReadChunksAsync(cancellationToken);
    }

    public Stream AsStream()
    {
        Claim(ReadStyle.Stream);
        return new ConnectionStream(this);
    }

    public IDuplexPipe AsPipe()
    {
        if (_writer.WasUsed)
        {
            throw new InvalidOperationException($"Connection {Id} was already written to; take its pipe before the first write.");
        }

        Claim(ReadStyle.Pipe);
        return _context.Transport;
    }

    /// <summary>Reads for the stream; zero bytes mean the end. A zero-byte read waits for data.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        if (await ReadOnceAsync(cancellationToken).ConfigureAwait(false) is not { } buffer)
        {
            return 0;
        }

        ReadOnlySequence<byte> taken = buffer.Slice(0, Math.Min(buffer.Length, destination.Length));
        int count = (int)taken.Length;
        taken.CopyTo(destination.Span);
        _input.AdvanceTo(taken.End);
        return count;
    }

    private async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadChunksAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await ReadOnceAsync(cancellationToken).ConfigureAwait(false) is { } buffer)
        {
            SequencePosition consumed = buffer.Start;
            SequencePosition next = consumed;
            try
            {
                while (IsReadable && buffer.TryGet(ref next, out ReadOnlyMemory<byte> chunk))
                {
                    consumed = next.GetObject() is null ? buffer.End : next;
                    if (!chunk.IsEmpty)
                    {
                        yield return chunk;
                    }
                }
            }
            finally
            {
                // Also when the loop is left early: the chunk that was given out has been consumed.
                _input.AdvanceTo(consumed);
            }
        }
    }

    // Gives data that the caller advances over, or null for the end of the stream: the peer's or a local one. Pooled, as a
    // read that has to wait would otherwise allocate.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadOnlySequence<byte>?> ReadOnceAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception) when (_closeCalled || _endCalled)
            {
                // The read ended because the connection did, as asked for.
                return null;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                _readFailure = exception;
                OnReadFailed(exception);
                Wake();
                throw;
            }

            bool endedHere = _closeCalled || _endCalled || _finished;
            if (!endedHere && !result.Buffer.IsEmpty)
            {
                return result.Buffer;
            }

            _input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                _peerEnded = true;
                if (!endedHere && OnEndOfStream())
                {
                    _readFailure = TruncationError();
                    OnReadFailed(_readFailure);
                    throw _readFailure;
                }
            }

            if (endedHere || result.IsCompleted)
            {
                return null;
            }
        }
    }

    private void Claim(ReadStyle style)
    {
        lock (_wake)
        {
            ThrowIfReadInAnotherStyle(style);
            _style = style;
        }
    }

    private void ThrowIfReadInAnotherStyle(ReadStyle style)
    {
        bool eventsTaken = _data is not null || !_held;
        if (_style == style || (_style == ReadStyle.Events && !eventsTaken))
        {
            return;
        }

        throw new InvalidOperationException(_style == ReadStyle.Events
            ? $"Connection {Id} is already read by events: call ReadAllAsync, AsStream or AsPipe inside the handler's task, and do not subscribe to Data."
            : $"Connection {Id} is already read by {Describe(_style)}; it cannot be read by {Describe(style)} too.");
    }

    private void ThrowIfPipeTaken()
    {
        if (_style == ReadStyle.Pipe)
        {
            throw new InvalidOperationException($"Connection {Id} is used by its pipe: write there, and complete its output or return from the handler to end it.");
        }
    }

    private static string Describe(ReadStyle style) => style switch
    {
        ReadStyle.Chunks => nameof(ReadAllAsync),
        ReadStyle.Stream => nameof(AsStream),
        ReadStyle.Pipe => nameof(AsPipe),
        _ => "the Data event",
    };
}
