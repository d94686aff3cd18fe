using System.IO.Pipelines;
using System.Net.Sockets;

namespace KestrelSocketServer.Transport;

/// <summary>
/// What a connection sends: a flush hands everything to the system at once, on the thread that flushes. Only when the system takes
/// no more does the flush wait, and the driver sends the rest.
/// </summary>
/// <remarks>
/// While nothing is left to send the buffers belong to the writer alone, and it takes no lock. While the driver sends they are
/// guarded by the lock; what is written meanwhile goes to segments of its own.
/// </remarks>
internal sealed class SocketOutput(ITransportSocket socket, bool runOnThreadPool) : PipeWriter
{
    private const int SmallestSegment = 4 * 1024;
    private const int LargestSegment = 64 * 1024;

    // After that much, sent without a wait, the other connections of the loop have their turn. Each call of the system counts as some
    // bytes.
    private const int MaxInARow = 1024 * 1024;
    private const int CostOfCall = 8 * 1024;

    // What was flushed and is not sent yet.
    private PooledSegment? _first;
    private PooledSegment? _last;

    // What was written and is not flushed yet.
    private PooledSegment? _firstWritten;
    private PooledSegment? _lastWritten;
    private int _reserved;
    private long _unflushed;

    private PendingFlush? _flush;
    private TaskCompletionSource? _allSent;
    private volatile bool _isPending;
    private volatile bool _failed;
    private volatile bool _completed;
    private bool _cancelled;
    private ActivityFlag _sent;
    private bool _isTurnOver;
    private int _sentInARow;
    private long _turn = -1;

    /// <summary>Whether the driver is to send what the system has not taken yet.</summary>
    public bool IsPending => _isPending;

    /// <summary>Whether the writer has written its last.</summary>
    public bool IsCompleted => _completed;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _unflushed;

    public override Memory<byte> GetMemory(int sizeHint = 0) => Reserve(sizeHint).RoomMemory;

    public override Span<byte> GetSpan(int sizeHint = 0) => Reserve(sizeHint).RoomSpan;

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _reserved);
        if (bytes > 0)
        {
            _lastWritten!.Commit(bytes);
            _reserved -= bytes;
            _unflushed += bytes;
        }
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        while (!_isPending)
        {
            TakeWritten();
            if (Send())
            {
                return _isTurnOver && Yield() is { } turn ? turn : ValueTask.FromResult(GetFlushResult());
            }
        }

        return WaitForFlushAsync(cancellationToken);
    }

    /// <remarks>Sends straight from <paramref name="source"/> where it can; only what the system does not take is copied.</remarks>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        ReadOnlySpan<byte> rest = source.Span;
        if (_unflushed == 0 && !_isPending)
        {
            SendNow(ref rest);
        }

        while (!rest.IsEmpty)
        {
            Span<byte> room = Reserve(Math.Min(rest.Length, LargestSegment)).RoomSpan;
            int count = Math.Min(room.Length, rest.Length);
            rest[..count].CopyTo(room);
            Advance(count);
            rest = rest[count..];
        }

        return FlushAsync(cancellationToken);
    }

    /// <summary>Sends what was written, flushed or not, and then the end of the stream.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (_completed)
        {
            return;
        }

        if (exception is not null)
        {
            socket.Connection.Abort(exception);
        }

        bool driverSends;
        lock (this)
        {
            _completed = true;
            TakeWritten();
            driverSends = _isPending;
        }

        if (!driverSends)
        {
            Send();
        }
    }

    /// <summary>Completes when all that was flushed is sent, or dropped.</summary>
    public Task WaitUntilSentAsync()
    {
        lock (this)
        {
            if (!_isPending)
            {
                return Task.CompletedTask;
            }

            _allSent ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _allSent.Task;
        }
    }

    public override void CancelPendingFlush()
    {
        lock (this)
        {
            _cancelled = true;
            if (_flush?.TryTake() != true)
            {
                return;
            }
        }

        socket.Schedule(_flush);
    }

    /// <summary>What a flush that is over has come to.</summary>
    public FlushResult GetFlushResult()
    {
        bool cancelled = _cancelled;
        if (cancelled)
        {
            _cancelled = false;
        }

        return new FlushResult(cancelled, _failed);
    }

    /// <summary>Whether anything was sent since the last call, and whether anything waits to be sent.</summary>
    public Activity TakeActivity() => (_isPending ? Activity.Unsent : Activity.None) | (_sent.Take() ? Activity.Sent : Activity.None);

    /// <summary>Drops what is unsent; nothing is sent from now on.</summary>
    public void Fail()
    {
        bool flushWaited;
        lock (this)
        {
            _failed = true;
            if (!_isPending)
            {
                // The writer finds out by itself.
                return;
            }

            Drop();
            _isPending = false;
            _allSent?.TrySetResult();
            flushWaited = _flush?.TryTake() == true;
        }

        if (flushWaited)
        {
            socket.Schedule(_flush!);
        }
    }

    /// <summary>The driver has sent some of the first segment, or can send again, or has failed.</summary>
    public void OnSent(int count, SocketError error)
    {
        bool flushWaited;
        lock (this)
        {
            if (!_isPending)
            {
                return;
            }

            _isTurnOver = false;
            Skip(count);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
            {
                OnSendFailed(error);
                return;
            }

            if (!SendSegments())
            {
                socket.WaitWritable(_first!.Unread);
                return;
            }

            if (!_isPending)
            {
                // It has failed.
                return;
            }

            _isPending = false;
            _allSent?.TrySetResult();
            flushWaited = _flush?.TryTake() == true;
            if (_completed)
            {
                socket.ShutdownSend();
            }
        }

        if (!flushWaited)
        {
            return;
        }

        if (runOnThreadPool)
        {
            socket.Schedule(_flush!);
        }
        else
        {
            _flush!.Complete();
        }
    }

    private ValueTask<FlushResult> WaitForFlushAsync(CancellationToken cancellationToken)
    {
        PendingFlush flush;
        bool hasBegun;
        lock (this)
        {
            if (!_isPending)
            {
                // It is done by now; what was written since has not been flushed.
                return FlushAsync(cancellationToken);
            }

            TakeWritten();
            if (_cancelled)
            {
                return ValueTask.FromResult(GetFlushResult());
            }

            flush = _flush ??= new PendingFlush(this, socket);
            hasBegun = flush.TryBegin(cancellationToken);
        }

        return flush.GetTask(hasBegun);
    }

    // Only for the writer, while the driver does not send. Returns whether nothing is left to send.
    private bool Send()
    {
        if (SendSegments())
        {
            if (_completed && !_failed)
            {
                socket.ShutdownSend();
            }

            return true;
        }

        lock (this)
        {
            if (_failed)
            {
                Drop();
                return true;
            }

            _isPending = true;
            _isTurnOver = false;
            socket.WaitWritable(_first!.Unread);
            return false;
        }
    }

    // Returns whether nothing is left to send: all is sent, or was dropped because sending fails.
    private bool SendSegments()
    {
        while (_first is { } segment)
        {
            if (_failed)
            {
                Drop();
                return true;
            }

            if (_isTurnOver)
            {
                return false;
            }

            int count = segment.NextSegment is null ? socket.Send(segment.UnreadSpan, out SocketError error) : socket.Send(segment, out error);
            if (count > 0)
            {
                Skip(count);
                CountSent(count);
            }
            else if (error == SocketError.WouldBlock)
            {
                return false;
            }
            else
            {
                OnSendFailed(error);
            }
        }

        return true;
    }

    // Straight from the caller's memory, while nothing is left to send before it.
    private void SendNow(ref ReadOnlySpan<byte> rest)
    {
        while (!rest.IsEmpty && !_failed && !_isTurnOver)
        {
            // In parts, as a peer that takes it as fast would have the call last for all of it.
            int count = socket.Send(rest[..Math.Min(rest.Length, MaxInARow)], out SocketError error);
            if (count > 0)
            {
                _sent.Raise();
                rest = rest[count..];
                CountSent(count);
            }
            else if (error == SocketError.WouldBlock)
            {
                return;
            }
            else
            {
                OnSendFailed(error);
            }
        }
    }

    private void CountSent(int count)
    {
        _sentInARow += count + CostOfCall;
        if (_sentInARow >= MaxInARow)
        {
            _sentInARow = 0;
            _isTurnOver = socket.IsSameTurn(ref _turn);
        }
    }

    // Everything is sent, but the writer waits until the others have had their turn.
    private ValueTask<FlushResult>? Yield()
    {
        _isTurnOver = false;
        PendingFlush flush;
        lock (this)
        {
            flush = _flush ??= new PendingFlush(this, socket);
            if (!flush.TryBegin(CancellationToken.None))
            {
                return null;
            }

            flush.Yields = true;
        }

        ValueTask<FlushResult> task = flush.GetTask(hasBegun: true);
        socket.Schedule(flush);
        return task;
    }

    private void OnSendFailed(SocketError error)
    {
        // The reason first, so that whoever finds that sending fails finds it too.
        socket.Connection.OnFailed(error);
        _failed = true;
        Drop();
    }

    private PooledSegment Reserve(int sizeHint)
    {
        ThrowIfCompleted();
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_lastWritten is null || _lastWritten.Room < Math.Max(sizeHint, 1))
        {
            var segment = PooledSegment.Rent(Math.Max(sizeHint, (int)Math.Clamp(_unflushed, SmallestSegment, LargestSegment)));
            if (_lastWritten is null)
            {
                _firstWritten = segment;
            }
            else
            {
                _lastWritten.Append(segment);
            }

            _lastWritten = segment;
        }

        _reserved = _lastWritten.Room;
        return _lastWritten;
    }

    private void TakeWritten()
    {
        if (_firstWritten is null)
        {
            return;
        }

        if (_first is null)
        {
            _first = _firstWritten;
        }
        else
        {
            _last!.Append(_firstWritten);
        }

        _last = _lastWritten;
        _firstWritten = null;
        _lastWritten = null;
        _reserved = 0;
        _unflushed = 0;
        Skip(0);
    }

    // Gives back what is sent, and segments that nothing was written to.
    private void Skip(int count)
    {
        if (count > 0)
        {
            _sent.Raise();
        }

        while (_first is { } segment)
        {
            int unread = segment.End - segment.Start;
            if (count < unread)
            {
                segment.Start += count;
                return;
            }

            count -= unread;
            _first = segment.NextSegment;
            segment.Return();
        }

        _last = null;
    }

    // Not given back to the pool: a driver that was interrupted may be sending from it.
    private void Drop()
    {
        _first = null;
        _last = null;
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("Writing is not allowed after the writer was completed.");
        }
    }
}
