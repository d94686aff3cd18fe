using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace KestrelSocketServer.Transport;

/// <summary>
/// What a connection receives: straight into pooled memory, when the reader waits for it and not before, so that a resting
/// connection holds no memory and a reader that does not read holds the peer back.
/// </summary>
/// <remarks>
/// Whoever moves the state from waiting to busy completes the read, alone: the driver that has found the socket readable, a
/// cancellation, or a failure. Nothing else touches the buffer while a read waits.
/// </remarks>
internal sealed class SocketInput(ITransportSocket socket, bool runOnThreadPool) : PipeReader, IValueTaskSource<ReadResult>, IThreadPoolWorkItem
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Busy = 2;

    private const int SmallestReceive = 4 * 1024;
    private const int LargestReceive = 64 * 1024;

    // Less room than this is not worth a call.
    private const int MinRoom = 512;

    // Then the other connections have their turn: after some reads without a wait, or sooner where the reader takes its time for each.
    private const int MaxInARow = 8;
    private static readonly TimeSpan LongestRow = TimeSpan.FromMilliseconds(1);

    private ManualResetValueTaskSourceCore<bool> _source;
    private PooledSegment? _first;
    private PooledSegment? _last;
    private ReadCancellation? _cancellation;
    private Exception? _failure;
    private int _receiveSize = SmallestReceive;
    private int _state;
    private int _cancelled;
    private ReadProgress _progress;
    private bool _allExamined = true;
    private bool _ended;
    private bool _failsAtOnce;
    private bool _restIsTaken;
    private bool _completed;
    private ActivityFlag _received;

    // The peer often sends before it is accepted.
    private bool _tryFirst = true;
    private int _receivedInARow;
    private long _rowStart;

    private enum ReadProgress : byte
    {
        /// <summary>No result is out.</summary>
        None,

        /// <summary>A cancelled result is out: it may be advanced, or read over.</summary>
        Tentative,

        /// <summary>A result is out that must be advanced.</summary>
        Active,
    }

    /// <summary>Whether the peer's end of the stream was received.</summary>
    public bool HasEnded => Volatile.Read(ref _ended);

    /// <summary>Why reads fail, null while they do not.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfUnreadable();
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<ReadResult>(cancellationToken)
            : ReadCoreAsync(cancellationToken);
    }

    public override bool TryRead(out ReadResult result)
    {
        ThrowIfUnreadable();
        if (HasResult || (!IsRowOver() && Receive()))
        {
            result = Take();
            return true;
        }

        _receivedInARow = 0;
        result = default;
        return false;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_completed)
        {
            throw new InvalidOperationException("Reading is not allowed after the reader was completed.");
        }

        if (_progress == ReadProgress.None)
        {
            throw new InvalidOperationException("There is no read to advance: call ReadAsync or TryRead first.");
        }

        if (_first is null)
        {
            _progress = ReadProgress.None;
            return;
        }

        var consumedSegment = (PooledSegment?)consumed.GetObject();
        var examinedSegment = (PooledSegment?)examined.GetObject();
        if (consumedSegment is not null && PositionOf(consumedSegment, consumed) is var consumedTo
            && examinedSegment is not null && consumedTo > PositionOf(examinedSegment, examined))
        {
            throw new InvalidOperationException("The examined position must not be before the consumed one.");
        }

        _progress = ReadProgress.None;
        _allExamined = examinedSegment is null || (examinedSegment == _last && examined.GetInteger() == _last.End);
        if (consumedSegment is not null)
        {
            Consume(consumedSegment, consumed.GetInteger());
        }
    }

    public override void CancelPendingRead()
    {
        Volatile.Write(ref _cancelled, 1);
        Interrupt();
    }

    public override void Complete(Exception? exception = null)
    {
        if (_completed)
        {
            return;
        }

        _completed = true;
        _progress = ReadProgress.None;
        int state = Interlocked.CompareExchange(ref _state, Busy, Waiting);
        if (state != Busy)
        {
            Drop();
        }

        if (state == Waiting)
        {
            // A read that still waits ends as if it was cancelled.
            Volatile.Write(ref _cancelled, 1);
            Dispatch();
        }
    }

    /// <summary>Whether all that had arrived before the connection failed is read.</summary>
    public bool IsRestTaken => Volatile.Read(ref _restIsTaken);

    /// <summary>Whether a read waits for data.</summary>
    public bool IsWaiting => Volatile.Read(ref _state) == Waiting;

    /// <summary>The socket can be read, or has failed.</summary>
    /// <returns>Whether anybody waits for it.</returns>
    public bool OnReadable()
    {
        if (Interlocked.CompareExchange(ref _state, Busy, Waiting) != Waiting)
        {
            return false;
        }

        if (Receive() || Volatile.Read(ref _cancelled) != 0)
        {
            CompleteRead();
            return true;
        }

        // Somebody was faster, or the driver was mistaken: wait on.
        if (Wait())
        {
            Dispatch();
        }

        return true;
    }

    /// <summary>Makes reads fail from now on, the one that waits too, whatever has arrived. The first cause counts.</summary>
    public void Fail(Exception failure)
    {
        SetFailure(failure);
        Interrupt();
    }

    /// <summary>Makes reads fail that begin from now on, whatever has arrived.</summary>
    public void SetFailure(Exception failure)
    {
        Interlocked.CompareExchange(ref _failure, failure, null);
        Volatile.Write(ref _failsAtOnce, true);
    }

    /// <summary>Makes reads fail that begin from now on, once they have given what had arrived before the connection failed.</summary>
    /// <param name="failure">Why it failed.</param>
    /// <param name="hasUnread">Whether the socket still holds some of it.</param>
    /// <returns>Whether this is the first cause, which alone counts.</returns>
    public bool TryFailAfterRest(Exception failure, bool hasUnread)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is not null)
        {
            return false;
        }

        if (!hasUnread)
        {
            OnRestTaken();
        }

        return true;
    }

    /// <summary>Allows reading for <see cref="DiscardAsync"/>, after the reader was completed and reads were made to fail.</summary>
    public void Reopen()
    {
        _completed = false;
        _progress = ReadProgress.None;
        _failsAtOnce = false;
        Interlocked.Exchange(ref _failure, null);
    }

    /// <summary>Drops what the peer sends until it ends.</summary>
    public async Task DiscardAsync(CancellationToken cancellationToken)
    {
        while (!_ended)
        {
            ReadResult result = await ReadCoreAsync(cancellationToken).ConfigureAwait(false);
            socket.Connection.OnDropped(result.Buffer.Length);
            AdvanceTo(result.Buffer.End);
        }
    }

    /// <summary>Whether anything was received since the last call, and whether a read waits.</summary>
    public Activity TakeActivity() => (IsWaiting ? Activity.Reading : Activity.None) | (_received.Take() ? Activity.Received : Activity.None);

    /// <summary>Drops what was not consumed. Only when nobody reads.</summary>
    public void Drop()
    {
        if (_first is not null)
        {
            socket.Connection.OnDropped(new ReadOnlySequence<byte>(_first, _first.Start, _last!, _last!.End).Length);
        }

        Release();
    }

    private void Release()
    {
        while (_first is not null)
        {
            ReturnFirst();
        }

        _last = null;
        _allExamined = true;
    }

    void IThreadPoolWorkItem.Execute() => _source.SetResult(true);

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _source.GetResult(token);
        CancellationToken cancellation = _cancellation?.End() ?? default;
        Volatile.Write(ref _state, Idle);
        if (!HasResult)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        return Take();
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _source.OnCompleted(continuation, state, token, flags);

    private bool HasResult => !_allExamined || _ended || Volatile.Read(ref _failure) is not null || Volatile.Read(ref _cancelled) != 0;

    private ValueTask<ReadResult> ReadCoreAsync(CancellationToken cancellationToken)
    {
        bool isRowOver = false;
        if (HasResult || (_tryFirst && !(isRowOver = IsRowOver()) && Receive()))
        {
            return ValueTask.FromResult(Take());
        }

        _receivedInARow = 0;
        _source.Reset();
        if (cancellationToken.CanBeCanceled)
        {
            (_cancellation ??= new ReadCancellation(this)).Begin(cancellationToken);
        }

        if (Wait())
        {
            // There is something by now; no need to go through the driver.
            if (isRowOver)
            {
                Dispatch();
            }
            else
            {
                _source.SetResult(true);
            }
        }

        return new ValueTask<ReadResult>(this, _source.Version);
    }

    private bool IsRowOver()
    {
        if (_receivedInARow++ == 0)
        {
            _rowStart = Stopwatch.GetTimestamp();
            return false;
        }

        return _receivedInARow > MaxInARow || Stopwatch.GetElapsedTime(_rowStart) > LongestRow;
    }

    // Lets the driver or a cancellation complete the read. Returns whether it is to be completed by the caller, alone.
    private bool Wait()
    {
        Interlocked.Exchange(ref _state, Waiting);
        while (IsInterrupted || socket.WaitReadable())
        {
            if (Interlocked.CompareExchange(ref _state, Busy, Waiting) != Waiting)
            {
                return false;
            }

            if (IsInterrupted || Receive())
            {
                return true;
            }

            Interlocked.Exchange(ref _state, Waiting);
        }

        return false;
    }

    private bool IsInterrupted => Volatile.Read(ref _cancelled) != 0 || Volatile.Read(ref _failure) is not null || _cancellation is { IsRequested: true };

    /// <summary>Completes the read that waits, if one does.</summary>
    public void Interrupt()
    {
        if (Interlocked.CompareExchange(ref _state, Busy, Waiting) == Waiting)
        {
            Dispatch();
        }
    }

    private void CompleteRead()
    {
        if (runOnThreadPool)
        {
            Dispatch();
        }
        else
        {
            _source.SetResult(true);
        }
    }

    // Not on this thread, which has work of its own.
    private void Dispatch() => socket.Schedule(this);

    private ReadResult Take()
    {
        if (Volatile.Read(ref _failure) is { } failure && !HasRest())
        {
            throw failure;
        }

        bool cancelled = Volatile.Read(ref _cancelled) != 0 && Interlocked.Exchange(ref _cancelled, 0) != 0;
        _progress = cancelled ? ReadProgress.Tentative : ReadProgress.Active;
        return new ReadResult(
            _first is null ? default : new ReadOnlySequence<byte>(_first, _first.Start, _last!, _last!.End), cancelled, _ended);
    }

    // Whether something had arrived before the connection failed that was not read yet. The system keeps it until it is received.
    private bool HasRest()
    {
        if (Volatile.Read(ref _failsAtOnce))
        {
            return false;
        }

        if (_allExamined && !_ended && !IsRestTaken)
        {
            Receive();
        }

        return !_allExamined || Volatile.Read(ref _ended);
    }

    private void OnRestTaken()
    {
        // Linux reports a reset as a broken pipe where the end of the stream had arrived before.
        if (_failure is { InnerException: SocketException { SocketErrorCode: SocketError.Shutdown } })
        {
            Volatile.Write(ref _ended, true);
        }

        Volatile.Write(ref _restIsTaken, true);
    }

    // Returns whether there is something to report: data, the end, or a failure. Only for whoever may touch the buffer.
    private bool Receive()
    {
        bool appends = _last is not null && _last.Room >= MinRoom;
        PooledSegment segment = appends ? _last! : Rent();
        int room = segment.Room;
        int count = socket.Receive(segment.RoomSpan, out SocketError error);
        if (count > 0)
        {
            Commit(segment, count, appends);
            Adapt(count, room);
            return true;
        }

        if (!appends)
        {
            segment.Return();
        }

        _tryFirst = false;
        if (Volatile.Read(ref _failure) is not null && !Volatile.Read(ref _failsAtOnce))
        {
            OnRestTaken();
            socket.Connection.OnRestTaken();
            return true;
        }

        if (error == SocketError.WouldBlock)
        {
            return false;
        }

        if (error == SocketError.Success)
        {
            Volatile.Write(ref _ended, true);
            socket.Connection.OnPeerEnded();
        }
        else
        {
            socket.Connection.OnFailed(error);
        }

        return true;
    }

    private void Commit(PooledSegment segment, int count, bool appends)
    {
        _received.Raise();
        segment.Commit(count);
        segment.Publish();
        _allExamined = false;
        if (appends)
        {
            return;
        }

        if (_last is null)
        {
            _first = segment;
        }
        else
        {
            _last.Append(segment);
        }

        _last = segment;
    }

    // Grows with demand. Where the memory was filled there is probably more to receive.
    private void Adapt(int count, int room)
    {
        _tryFirst = count == room;
        if (_tryFirst)
        {
            _receiveSize = Math.Min(_receiveSize * 4, LargestReceive);
        }
        else if (count < _receiveSize / 8)
        {
            _receiveSize = Math.Max(_receiveSize / 4, SmallestReceive);
        }
    }

    private PooledSegment Rent() => PooledSegment.Rent(_receiveSize, _last is null ? 0 : _last.RunningIndex + _last.End);

    private void Consume(PooledSegment consumed, int index)
    {
        if (consumed == _last && index == consumed.End)
        {
            // All of it: the usual case.
            Release();
            return;
        }

        while (_first != consumed)
        {
            ReturnFirst();
        }

        _first.Start = index;
        if (index == _first.End)
        {
            ReturnFirst();
        }
    }

    private void ReturnFirst()
    {
        PooledSegment segment = _first!;
        _first = segment.NextSegment;
        segment.Return();
    }

    private long PositionOf(PooledSegment segment, SequencePosition position)
    {
        PooledSegment? known = _first;
        while (known is not null && known != segment)
        {
            known = known.NextSegment;
        }

        int index = position.GetInteger();
        return known is not null && index >= known.Start && index <= known.End
            ? known.RunningIndex + index
            : throw new InvalidOperationException("The position is not one of what was read.");
    }

    private void ThrowIfUnreadable()
    {
        if (_completed)
        {
            throw new InvalidOperationException("Reading is not allowed after the reader was completed.");
        }

        if (_progress == ReadProgress.Active || Volatile.Read(ref _state) != Idle)
        {
            throw new InvalidOperationException("Reading is in progress already: await the read, and advance what it gave.");
        }
    }
}
