using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer.Connections;

/// <summary>
/// The writing side of a connection: writes from any thread, whole and in order, over a <see cref="PipeWriter"/> that is
/// used by one at a time.
/// </summary>
/// <remarks>
/// A write goes straight into the pipe when no flush is under way, else into a queue that the flush takes along when it
/// completes. Whoever finds no flush under way starts one; nobody ever waits for it. It is its own lock, as there is one for each
/// connection. The memory that it hands out is written to inside the lock.
/// </remarks>
internal sealed partial class ConnectionWriter : IBufferWriter<byte>
{
    private readonly PipeWriter _output;
    private readonly SocketConnection _connection;
    private readonly SocketConnectionOptions _options;
    private readonly Socket? _peerSocket;

    private UnsentQueue? _queue;
    private Action? _onFlushed;
    private ValueTaskAwaiter<FlushResult> _pendingFlush;
    private TaskCompletionSource<bool>? _drained;
    private long _unsent;
    private long _inFlight;

    // How much of what is unsent is entered into the account of all connections.
    private long _entered;
    private bool _flushing;
    private bool _ended;
    private bool _aborted;
    private bool _needDrain;
    private bool _corked;
    private bool _used;
    private bool _isTaken;
    private bool _isLent;
    private bool _isHolder;

    public ConnectionWriter(SocketConnection connection, PipeWriter output, Socket? peerSocket, SocketConnectionOptions options)
    {
        _connection = connection;
        _output = output;
        _peerSocket = peerSocket;
        _options = options;
    }

    /// <summary>The pipe, for the end of the connection.</summary>
    public PipeWriter Output => _output;

    /// <summary>Whether the handler writes to the pipe by itself.</summary>
    public bool IsTaken => Volatile.Read(ref _isTaken);

    /// <summary>Whether something was written that the transport has not taken yet.</summary>
    public bool HasUnsent => !IsTaken && Volatile.Read(ref _unsent) > 0;

    /// <summary>
    /// Whether the pipe is in use by a flush. Once no more writes are taken, <see cref="SocketConnection.OnFlushed"/> is
    /// called when it is over.
    /// </summary>
    public bool IsFlushing => Volatile.Read(ref _flushing);

    /// <summary>Leaves the pipe to the handler.</summary>
    /// <exception cref="InvalidOperationException">It was written to already.</exception>
    public PipeWriter Take()
    {
        lock (this)
        {
            if (_used)
            {
                throw new InvalidOperationException($"Connection {_connection.Id} was already written to: take the output of its pipe before the first write, or go on writing to the connection.");
            }

            _isTaken = true;
            return _output;
        }
    }

    /// <exception cref="InvalidOperationException">The handler has taken the pipe.</exception>
    public void ThrowIfTaken()
    {
        if (IsTaken)
        {
            throw new InvalidOperationException($"Connection {_connection.Id} is used by its pipe: write there, and complete its output or return from the handler to end it.");
        }
    }

    /// <param name="data">Copied before the call returns.</param>
    /// <param name="cork">Whether the caller calls <see cref="Uncork"/> later, on the same thread.</param>
    /// <param name="end">Whether these are the last bytes.</param>
    public bool Write(ReadOnlySpan<byte> data, bool cork, bool end = false)
    {
        bool belowLimit = false, flush = false, isOver = false;
        long unsent;
        lock (this)
        {
            if (!CanWrite())
            {
                return false;
            }

            unsent = _unsent + data.Length;
            if (unsent > _options.WriteBufferHardLimit)
            {
                _ended = true;
            }
            else
            {
                Append(data);
                flush = Add(unsent, cork, end, out belowLimit);
                isOver = !flush && Enter();
            }
        }

        return Finish(unsent, flush, belowLimit, isOver);
    }

    /// <summary>Lets the caller write into memory of the pipe: whole, as that is inside the lock.</summary>
    public bool Write<TState>(TState state, Action<IBufferWriter<byte>, TState> write, bool cork)
        where TState : allows ref struct
    {
        bool belowLimit = false, flush = false, isTorn = false, isOver = false;
        long unsent;
        try
        {
            lock (this)
            {
                if (!CanWrite())
                {
                    return false;
                }

                unsent = _unsent;
                _isLent = true;
                try
                {
                    write(this, state);
                }
                catch
                {
                    // What is written already cannot be taken back.
                    isTorn = _unsent > unsent;
                    _ended |= isTorn;
                    throw;
                }
                finally
                {
                    _isLent = false;
                }

                unsent = _unsent;
                if (unsent > _options.WriteBufferHardLimit)
                {
                    _ended = true;
                }
                else
                {
                    flush = Add(unsent, cork, end: false, out belowLimit);
                    isOver = !flush && Enter();
                }
            }
        }
        catch (Exception exception) when (isTorn)
        {
            _connection.OnWriteTorn(exception);
            throw;
        }

        return Finish(unsent, flush, belowLimit, isOver);
    }

    void IBufferWriter<byte>.Advance(int count)
    {
        ThrowIfNotLent();
        if (_flushing)
        {
            Queue.Advance(count);
        }
        else
        {
            _output.Advance(count);
        }

        _unsent += count;
    }

    Memory<byte> IBufferWriter<byte>.GetMemory(int sizeHint)
    {
        ThrowIfNotLent();
        return _flushing ? Queue.GetMemory(sizeHint) : _output.GetMemory(sizeHint);
    }

    Span<byte> IBufferWriter<byte>.GetSpan(int sizeHint)
    {
        ThrowIfNotLent();
        return _flushing ? Queue.GetSpan(sizeHint) : _output.GetSpan(sizeHint);
    }

    private UnsentQueue Queue => _queue ??= new UnsentQueue();

    private void ThrowIfNotLent()
    {
        if (!_isLent)
        {
            throw new InvalidOperationException($"The writer that connection {_connection.Id} has handed out is valid only inside that call.");
        }
    }

    private bool CanWrite()
    {
        if (!(_ended | _isTaken | _isLent))
        {
            _used = true;
            return true;
        }

        ThrowIfTaken();
        return !_isLent ? false
            : throw new InvalidOperationException($"Connection {_connection.Id} is being written to by the caller: write with the writer that was given.");
    }

    // Returns whether the caller is to flush.
    private bool Add(long unsent, bool cork, bool end, out bool belowLimit)
    {
        _unsent = unsent;
        _ended = end;
        belowLimit = unsent < _options.WriteBufferSoftLimit;
        _needDrain |= !belowLimit;
        if (_flushing)
        {
            return false;
        }

        if (cork)
        {
            _corked = true;
            return false;
        }

        BeginFlush();
        return true;
    }

    private bool Finish(long unsent, bool flush, bool belowLimit, bool isOver)
    {
        if (unsent > _options.WriteBufferHardLimit)
        {
            _connection.OnLimitReached(new IOException(
                $"The unsent data of connection {_connection.Id} would have reached {unsent} bytes; {nameof(SocketConnectionOptions.WriteBufferHardLimit)} allows {_options.WriteBufferHardLimit}."));
        }
        else if (flush)
        {
            Flush();
        }

        if (isOver)
        {
            // Unless it has been sent by now.
            Account!.Relieve();
        }

        return belowLimit;
    }

    /// <summary>Sends what was written since the event began; called by the thread that ran the event.</summary>
    public void Uncork()
    {
        if (!_corked)
        {
            return;
        }

        _corked = false;
        lock (this)
        {
            if (_flushing || _aborted)
            {
                return;
            }

            BeginFlush();
        }

        Flush();
    }

    /// <summary>Completes with true once the unsent data is below the soft limit, with false when no more can be written.</summary>
    public ValueTask<bool> WaitForDrainAsync(CancellationToken cancellationToken)
    {
        Task<bool> drained;
        lock (this)
        {
            if (_ended)
            {
                return ValueTask.FromResult(false);
            }

            if (_unsent < _options.WriteBufferSoftLimit)
            {
                return ValueTask.FromResult(true);
            }

            _drained ??= new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            drained = _drained.Task;
        }

        return new ValueTask<bool>(drained.WaitAsync(cancellationToken));
    }

    /// <summary>Drops what is unsent and takes no more.</summary>
    public void Abort()
    {
        TaskCompletionSource<bool>? drained;
        lock (this)
        {
            _ended = true;
            _aborted = true;
            _queue?.Clear();
            LeaveAll();
            drained = TakeDrained();
        }

        drained?.TrySetResult(false);
    }

    private void Append(ReadOnlySpan<byte> data)
    {
        if (_flushing)
        {
            Queue.Append(data);
        }
        else
        {
            _output.Write(data);
        }
    }

    private void BeginFlush()
    {
        _flushing = true;
        _inFlight = _unsent;
    }

    // Runs outside the lock, which matters where a flush is work (TLS) or runs the reader inline (in memory). Only one
    // thread at a time is here: the one that set _flushing.
    private void Flush()
    {
        bool more = true;
        while (more)
        {
            ValueTask<FlushResult> flush;
            try
            {
#pragma warning disable CA2012 // Consumed once: below, or by its continuation.
                flush = _output.FlushAsync();
#pragma warning restore CA2012
            }
            catch (Exception exception)
            {
                OnFlushFailed(exception);
                return;
            }

            ValueTaskAwaiter<FlushResult> awaiter = flush.GetAwaiter();
            if (!awaiter.IsCompleted)
            {
                EnterWaiting();
                _pendingFlush = awaiter;
                awaiter.UnsafeOnCompleted(_onFlushed ??= ContinueFlush);
                return;
            }

            more = CompleteFlush(awaiter);
        }
    }

    private void ContinueFlush()
    {
        if (CompleteFlush(_pendingFlush))
        {
            Flush();
        }
    }

    private bool CompleteFlush(ValueTaskAwaiter<FlushResult> flush)
    {
        FlushResult result;
        try
        {
            result = flush.GetResult();
        }
        catch (Exception exception)
        {
            OnFlushFailed(exception);
            return false;
        }

        if (_inFlight > 0 && (result.IsCompleted || _peerSocket is { Connected: false }))
        {
            OnFlushFailed(_connection.TransportFailure ?? new IOException("The peer no longer receives."));
            return false;
        }

        bool more, ended, belowLimit;
        TaskCompletionSource<bool>? drained = null;
        lock (this)
        {
            _unsent -= _inFlight;
            _inFlight = 0;
            Leave();
            more = !_aborted && _queue is { IsEmpty: false };
            if (more)
            {
                _inFlight = _queue!.MoveTo(_output, _options.WriteBufferSoftLimit);
            }

            _flushing = more;
            ended = _ended && !more;
            belowLimit = _needDrain && !_ended && _unsent < _options.WriteBufferSoftLimit;
            if (belowLimit)
            {
                _needDrain = false;
                drained = TakeDrained();
            }
            else if (ended)
            {
                drained = TakeDrained();
            }
        }

        drained?.TrySetResult(!ended);
        if (belowLimit)
        {
            _connection.OnDrained();
        }

        if (ended)
        {
            _connection.OnFlushed();
        }

        return more;
    }

    private void OnFlushFailed(Exception exception)
    {
        TaskCompletionSource<bool>? drained;
        lock (this)
        {
            _ended = true;
            _flushing = false;
            _queue?.Clear();
            LeaveAll();
            drained = TakeDrained();
        }

        drained?.TrySetResult(false);
        _connection.OnWriteFailed(exception);
    }

    private TaskCompletionSource<bool>? TakeDrained()
    {
        TaskCompletionSource<bool>? drained = _drained;
        _drained = null;
        return drained;
    }
}
