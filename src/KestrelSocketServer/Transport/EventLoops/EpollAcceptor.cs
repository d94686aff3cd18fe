using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>Accepts the connections of a listening socket on an event loop.</summary>
internal sealed unsafe class EpollAcceptor : LoopItem, IAcceptor, IValueTaskSource<TransportConnection>, IThreadPoolWorkItem
{
    // Then the connections of the loop have their turn.
    private const int MaxInARow = 16;
    private const int MaxRefusedInARow = 8;

    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Busy = 2;

    private readonly DescriptorReserve _reserve;
    private readonly IAcceptGate _gate;
    private readonly Func<SafeFileDescriptor, EndPoint?, int, TransportConnection> _create;
    private ManualResetValueTaskSourceCore<bool> _source;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private TransportConnection? _accepted;
    private Exception? _failure;
    private int _state;
    private int _acceptedInARow;
    private AcceptedClient? _waiting;
    private volatile bool _isDisposed;

    /// <param name="loop">The loop.</param>
    /// <param name="listener">The listening socket; it stays the caller's.</param>
    /// <param name="reserve">The descriptors that are not for connections.</param>
    /// <param name="gate">Decides on the clients.</param>
    /// <param name="create">Makes the connection of an accepted socket, given the peer's end point where it has one, and its ticket.</param>
    public EpollAcceptor(
        EventLoop loop, Socket listener, DescriptorReserve reserve, IAcceptGate gate, Func<SafeFileDescriptor, EndPoint?, int, TransportConnection> create)
        : base(loop, listener.SafeHandle)
    {
        listener.Blocking = false;
        _reserve = reserve;
        _gate = gate;
        _create = create;
        loop.Prefer(this);
    }

    public ValueTask<TransportConnection> AcceptAsync(CancellationToken cancellationToken)
    {
        if (!cancellationToken.IsCancellationRequested && _acceptedInARow++ < MaxInARow && TryAccept(isReady: false))
        {
            return ValueTask.FromResult(Take());
        }

        _acceptedInARow = 0;
        _source.Reset();
        _token = cancellationToken;

        // Before anybody can complete the accept and begin the next.
        _registration = cancellationToken.UnsafeRegister(static state => ((EpollAcceptor)state!).OnCancelled(), this);
        Interlocked.Exchange(ref _state, Waiting);
        if (cancellationToken.IsCancellationRequested)
        {
            OnCancelled();
        }

        try
        {
            Watch(Readiness.Readable);
        }
        catch (Exception)
        {
            if (Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting)
            {
                _registration.Dispose();
                throw;
            }

            // The loop was faster than the failure.
        }

        return new ValueTask<TransportConnection>(this, _source.Version);
    }

    public override void OnReady(Readiness readiness)
    {
        if (Interlocked.CompareExchange(ref _state, Busy, Waiting) != Waiting)
        {
            if (readiness == Readiness.None)
            {
                return;
            }

            Unwatch(Readiness.Readable);
            if (Volatile.Read(ref _state) == Waiting)
            {
                WatchAgain();
            }
        }
        else if (TryAccept(isReady: readiness != Readiness.None))
        {
            _source.SetResult(true);
        }
        else
        {
            Interlocked.Exchange(ref _state, Waiting);
            if (_token.IsCancellationRequested)
            {
                OnCancelled();
            }
            else
            {
                // Where this runs without the loop, the watch was taken back before.
                WatchAgain();
            }
        }
    }

    public void Dispose()
    {
        Loop.Unprefer(this);
        StopWatching(closing: false);
        _isDisposed = true;
        CloseWaiting();
    }

    void IThreadPoolWorkItem.Execute() => _source.SetResult(true);

    TransportConnection IValueTaskSource<TransportConnection>.GetResult(short token)
    {
        _source.GetResult(token);
        _registration.Dispose();
        _state = Idle;
        return Take();
    }

    ValueTaskSourceStatus IValueTaskSource<TransportConnection>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<TransportConnection>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _source.OnCompleted(continuation, state, token, flags);

    // An accept that waits without being watched would wait for ever: it fails, and the next one asks again.
    private void WatchAgain()
    {
        try
        {
            Watch(Readiness.Readable);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            if (Interlocked.CompareExchange(ref _state, Busy, Waiting) == Waiting)
            {
                _failure = exception;
                _source.SetResult(true);
            }
        }
    }

    private void OnCancelled()
    {
        if (Interlocked.CompareExchange(ref _state, Busy, Waiting) == Waiting)
        {
            Loop.Schedule(this, null);
        }
    }

    private TransportConnection Take()
    {
        TransportConnection? accepted = _accepted;
        Exception? failure = _failure;
        _accepted = null;
        _failure = null;
        return accepted ?? throw failure ?? new OperationCanceledException(_token);
    }

    // Returns whether there is a connection or a failure. A lack of descriptors is none as long as nobody is known to need one.
    private bool TryAccept(bool isReady)
    {
        try
        {
            if (_reserve.IsAllThatIsLeft)
            {
                return isReady ? throw _reserve.CreateException() : false;
            }

            byte* address = stackalloc byte[NativeAddress.MaxLength];
            for (int refused = 0; refused < MaxRefusedInARow; refused++)
            {
                int client = Accept(address, out int length);
                if (client < 0 && SystemError.Last is SocketError.WouldBlock or SocketError.ConnectionAborted)
                {
                    // Nobody is there, or has left again: readiness tells of others.
                    return false;
                }

                if (client < 0)
                {
                    throw SystemError.ToException(SystemError.Last);
                }

                _reserve.OnAccepted(client);
                var peer = new ReadOnlySpan<byte>(address, length);
                switch (_gate.Decide(NativeAddress.ReadIP(peer), out int ticket))
                {
                    case GateDecision.Accept:
                        _accepted = Create(client, peer, ticket);
                        return true;
                    case GateDecision.Wait:
                        KeepWaiting(client, peer);
                        throw new OperationCanceledException("There is no room for another connection.");
                    default:
                        AcceptedClient.Close(client, _gate.Goodbye);
                        break;
                }
            }

            return false;
        }
        catch (Exception exception)
        {
            // Whatever it is, who waits has to be told: nothing else would make it accept again.
            if (exception is SocketException { SocketErrorCode: SocketError.TooManyOpenSockets })
            {
                _reserve.OnExhausted();
            }

            _failure = exception;
            return true;
        }
    }

    // The one that waits first. Allocates nothing, as it may be refused.
    private int Accept(byte* address, out int length)
    {
        if (Volatile.Read(ref _waiting) is not null && Interlocked.Exchange(ref _waiting, null) is { } waiting)
        {
            waiting.Address.CopyTo(new Span<byte>(address, NativeAddress.MaxLength));
            length = waiting.Address.Length;
            return waiting.Descriptor;
        }

        uint size = NativeAddress.MaxLength;
        int accepted = Libc.Accept(Handle, address, &size, Libc.NonBlocking | Libc.CloseOnExec);
        length = (int)size;
        return accepted;
    }

    private TransportConnection Create(int client, ReadOnlySpan<byte> peer, int ticket)
    {
        var descriptor = new SafeFileDescriptor(client);
        try
        {
            return _create(descriptor, NativeAddress.Read(peer), ticket);
        }
        catch
        {
            // Thrown on; the client must not be left waiting.
            _gate.Release(ticket);
            descriptor.Dispose();
            throw;
        }
    }

    private void KeepWaiting(int client, ReadOnlySpan<byte> peer)
    {
        Interlocked.Exchange(ref _waiting, new AcceptedClient(client, peer));
        if (_isDisposed)
        {
            CloseWaiting();
        }
    }

    private void CloseWaiting()
    {
        if (Interlocked.Exchange(ref _waiting, null) is { } waiting)
        {
            AcceptedClient.Close(waiting.Descriptor, []);
        }
    }
}
