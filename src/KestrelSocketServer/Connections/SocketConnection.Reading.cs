using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

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
        return TlsStream is { } stream ? new TlsPipe(_context.Transport, () => SayGoodbyeAsync(stream)) : _context.Transport;
    }

    /// <summary>
    /// Reads for the stream; zero bytes mean the end. A zero-byte read waits for data. Where the stream was disposed of, which ended the
    /// connection, that is no end of what the peer sends, and must not be taken for it.
    /// </summary>
    // Pooled, as a read that has to wait would otherwise allocate.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<int> ReadAsync(ConnectionStream stream, Memory<byte> destination, CancellationToken cancellationToken)
    {
        stream.ThrowIfDisposed();
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (IsEndOfReading(exception))
            {
                stream.ThrowIfDisposed();
                return 0;
            }

            if (IsData(result))
            {
                ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, destination.Length));
                int count = (int)taken.Length;
                taken.CopyTo(destination.Span);
                _input.AdvanceTo(taken.End);
                return count;
            }

            if (SkipToEnd(result))
            {
                stream.ThrowIfDisposed();
                return 0;
            }
        }
    }

    private async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadChunksAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (IsEndOfReading(exception))
            {
                yield break;
            }

            if (!IsData(result))
            {
                if (SkipToEnd(result))
                {
                    yield break;
                }

                continue;
            }

            ReadOnlySequence<byte> buffer = result.Buffer;
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

    private bool IsData(in ReadResult result) => !result.Buffer.IsEmpty && !(_closeCalled || _endCalled || _finished);

    /// <summary>Drops what was read; returns whether the stream is at its end, the peer's or a local one.</summary>
    private bool SkipToEnd(in ReadResult result)
    {
        bool endedHere = _closeCalled || _endCalled || _finished;
        OnDropped(result.Buffer.Length);
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

            if (!endedHere)
            {
                _cause.Add(SocketCloseReason.PeerEnded);
            }
        }

        return endedHere || result.IsCompleted;
    }

    // Whether a read ended because the connection did, as asked for. Any other failure is noted here and reaches the reader.
    private bool IsEndOfReading(Exception exception)
    {
        if (_closeCalled || _endCalled)
        {
            return true;
        }

        if (exception is ConnectionAbortedException or not OperationCanceledException)
        {
            _readFailure = exception;
            OnReadFailed(exception);
            Wake();
        }

        return false;
    }

    private void Claim(ReadStyle style)
    {
        lock (_writer)
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
