using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.Transport;

/// <summary>A connection over a socket, the same for both drivers: two pipes without a loop between them and the system.</summary>
internal sealed partial class TransportConnection : ConnectionContext, IDuplexPipe,
    IConnectionIdFeature, IConnectionTransportFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature,
    IConnectionSocketFeature, IMemoryPoolFeature, IConnectionControl
{
    private const int Open = 0;
    private const int HasFailed = 1;
    private const int Closed = 2;

    private static long s_lastId = DateTime.UtcNow.Ticks;

    private readonly ITransportSocket _socket;
    private readonly TransportSettings _settings;
    private readonly TransportObserver _observer;
    private readonly SocketInput _input;
    private readonly SocketOutput _output;
    private readonly long _id = Interlocked.Increment(ref s_lastId);
    private string? _givenId;
    private IDictionary<object, object?>? _items;
    private CancellationTokenSource? _closed;
    private CancellationTokenSource? _failed;
    private CancellationTokenSource? _aborted;
    private CancellationTokenSource? _lingering;
    private long _discarded;
    private bool _hasLingered;
    private int _state;
    private int _socketClosed;

    /// <param name="socket">The socket, which belongs to the connection from now on.</param>
    /// <param name="settings">What it has in common with others.</param>
    /// <param name="observer">Told when its handler has held an event loop for too long, and when it is over.</param>
    public TransportConnection(ITransportSocket socket, TransportSettings settings, TransportObserver observer)
    {
        _socket = socket;
        _observer = observer;
        _settings = settings;
        socket.Connection = this;
        _input = new SocketInput(socket, settings.RunHandlersOnThreadPool);
        _output = new SocketOutput(socket, settings.RunHandlersOnThreadPool);
        Transport = this;
    }

    public SocketInput Input => _input;

    public SocketOutput Output => _output;

    PipeReader IDuplexPipe.Input => _input;

    PipeWriter IDuplexPipe.Output => _output;

    public override IDuplexPipe Transport { get; set; }

    public override IFeatureCollection Features => this;

    public override string ConnectionId
    {
        // Made anew each time, as most connections are named for logs only that are off.
        get => _givenId ?? _id.ToString("X", null);
        set => _givenId = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <summary>What the gate that let it in is told when it is gone.</summary>
    public int Ticket { get; set; }

    public MemoryPool<byte> MemoryPool => _settings.MemoryPool;

    public Socket Socket => _socket.Socket;

    /// <summary>Cancelled when the peer has ended or the connection is gone, as Kestrel's.</summary>
    public override CancellationToken ConnectionClosed
    {
        get
        {
            if (Volatile.Read(ref _closed) is not { } closed)
            {
                closed = GetSource(ref _closed);
                if (_input.HasEnded || IsOver)
                {
                    Cancel(ref _closed);
                }
                else
                {
                    _socket.WatchPeerEnd();
                }
            }

            return closed.Token;
        }

        set => throw new NotSupportedException("The transport itself tells when the connection is closed.");
    }

    public CancellationToken Failed
    {
        get
        {
            CancellationTokenSource failed = Volatile.Read(ref _failed) ?? GetSource(ref _failed);
            if (Failure is not null)
            {
                Cancel(ref _failed);
            }
            else
            {
                _socket.WatchFailure();
            }

            return failed.Token;
        }
    }

    public CancellationToken Aborted
    {
        get
        {
            CancellationTokenSource aborted = GetSource(ref _aborted);
            if (Volatile.Read(ref _state) == Closed)
            {
                Cancel(ref _aborted);
            }

            return aborted.Token;
        }
    }

    public Exception? Failure => _input.Failure;

    public bool KeepsRest => true;

    public bool? HasPeerEnded => _input.HasEnded;

    public Socket? PeerSocket => null;

    /// <summary>Whether somebody wants to know of a failure at once.</summary>
    public bool IsFailureWatched => Volatile.Read(ref _failed) is not null;

    public long DiscardedBytes => Volatile.Read(ref _discarded);

    private bool IsOver => Volatile.Read(ref _state) != Open;

    private bool IsEncrypted => Features.Get<ITlsHandshakeFeature>() is not null;

    public void Schedule(IThreadPoolWorkItem item) => _socket.Schedule(item);

    public Activity TakeActivity() => _input.TakeActivity() | _output.TakeActivity();

    public bool TellsWhatIsSent => true;

    public bool HasUnread => _socket.HasUnread;

    public int CountUnacknowledged() => _socket.CountUnacknowledged();

    public bool IsOutputCompleted => _output.IsCompleted;

    public override void Abort() => Abort(new ConnectionAbortedException("The connection was aborted by the application."));

    public override void Abort(ConnectionAbortedException abortReason) => Abort((Exception)abortReason);

    /// <summary>Ends the connection with a reset.</summary>
    public void Abort(Exception reason) => End(reason, reset: true);

    public void Close()
    {
        // The reason before the end of the stream, as a write that comes just then fails by that: it must not take the socket away.
        _output.Fail();
        _input.Fail(new ConnectionAbortedException("The connection was closed by the application."));
        _socket.ShutdownSend();
        Cancel(ref _closed);
    }

    /// <summary>
    /// A call of the system has failed. Whoever writes finds out at once; whoever reads, after what had arrived, for which the socket
    /// stays open.
    /// </summary>
    public void OnFailed(SocketError error) => OnFailed(SystemError.ToException(error));

    /// <summary>A call of the system has failed, as above.</summary>
    public void OnFailed(SocketException inner)
    {
        if (IsOver)
        {
            return;
        }

        Exception reason = IsReset(inner.SocketErrorCode) ? new ConnectionResetException(inner.Message, inner)
            : inner.SocketErrorCode == SocketError.OperationAborted ? new ConnectionAbortedException("The connection was closed.", inner)
            : new IOException(inner.Message, inner);
        bool hasUnread = _socket.HasUnread;
        if (!_input.TryFailAfterRest(reason, hasUnread))
        {
            return;
        }

        // Full fence, pairs with OnRestTaken: one of the two closes.
        Interlocked.CompareExchange(ref _state, HasFailed, Open);
        if (_input.IsRestTaken)
        {
            CloseSocket(reset: false);
        }

        OnOver();
    }

    /// <summary>What had arrived before the connection failed is read.</summary>
    public void OnRestTaken()
    {
        // Store-load fence, pairs with the exchange of the state in OnFailed: the failure sees that all is read, or this sees the failure.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _state) == HasFailed)
        {
            CloseSocket(reset: false);
        }
    }

    /// <summary>Cancels on the thread pool, as what waits for it is not this connection's work. What throws there is told.</summary>
    public void Cancel(CancellationTokenSource source) => ThreadPool.UnsafeQueueUserWorkItem(
        static cancellation =>
        {
            try
            {
                cancellation.Source.Cancel();
            }
            catch (Exception exception)
            {
                cancellation.Connection._observer.OnFault(cancellation.Connection, exception);
            }
        },
        (Connection: this, Source: source),
        preferLocal: false);

    // Whoever has accepted it disposes of it.
    void IConnectionControl.Release()
    {
    }

    public void AddDiscarded(long bytes) => Interlocked.Add(ref _discarded, bytes);

    /// <summary>Some of what was received is given to nobody. Encrypted bytes do not count, as even a goodbye consists of some.</summary>
    public void OnDropped(long bytes)
    {
        if (bytes > 0 && !IsEncrypted)
        {
            AddDiscarded(bytes);
        }
    }

    public void OnHandlerBlocked() => _observer.OnBlocked(this);

    /// <summary>The peer has finished sending.</summary>
    public void OnPeerEnded() => Cancel(ref _closed);

    public override async ValueTask DisposeAsync()
    {
        _output.Complete();
        _input.Complete();
        await _output.WaitUntilSentAsync().ConfigureAwait(false);
        if (!_hasLingered && !IsOver && !_input.HasEnded)
        {
            await LingerCoreAsync(null).ConfigureAwait(false);
        }

        End(new ConnectionAbortedException("The connection is over."), reset: false);
        _input.Drop();
        await base.DisposeAsync().ConfigureAwait(false);
        _observer.OnDisposed(this);
    }

    public async Task LingerAsync(Func<CancellationToken, Task> discard)
    {
        if (!IsEncrypted)
        {
            // That is done when it is disposed of.
            return;
        }

        _output.Complete();
        await _output.WaitUntilSentAsync().ConfigureAwait(false);
        _hasLingered = await LingerCoreAsync(discard).ConfigureAwait(false);
    }

    // Returns whether the time was up.
    private async Task<bool> LingerCoreAsync(Func<CancellationToken, Task>? discard)
    {
        var lingering = new CancellationTokenSource();
        Interlocked.Exchange(ref _lingering, lingering);
        if (discard is null)
        {
            _input.Reopen();
            discard = _input.DiscardAsync;
        }

        return !IsOver && await Lingering.RunAsync(discard, lingering, _settings.TimeProvider, _socket).ConfigureAwait(false);
    }

    private void End(Exception reason, bool reset)
    {
        // The reason first, so that whoever finds the socket closed finds it too.
        _input.SetFailure(reason);
        if (Interlocked.Exchange(ref _state, Closed) == Closed)
        {
            return;
        }

        CloseSocket(reset);
        OnOver();
        Cancel(ref _aborted);
    }

    // What is unsent is dropped when nothing of it can be sent any more.
    private void OnOver()
    {
        _output.Fail();
        _input.Interrupt();
        _lingering?.Cancel();
        Cancel(ref _failed);
        Cancel(ref _closed);
    }

    private void CloseSocket(bool reset)
    {
        if (Interlocked.Exchange(ref _socketClosed, 1) == 0)
        {
            _socket.Close(reset);
        }
    }

    private static bool IsReset(SocketError error)
        => error is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted or SocketError.TimedOut
            or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NotConnected;

    // Made when somebody asks; most connections live without.
    private static CancellationTokenSource GetSource(ref CancellationTokenSource? source)
    {
        var made = new CancellationTokenSource();
        return Interlocked.CompareExchange(ref source, made, null) ?? made;
    }

    private void Cancel(ref CancellationTokenSource? source)
    {
        // Store-load fence, pairs with the exchange that makes the source: whoever makes it looks at the state after it; here the state was
        // set before the look at the source.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref source) is { IsCancellationRequested: false } made)
        {
            Cancel(made);
        }
    }
}
