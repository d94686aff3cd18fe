using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer;

/// <summary>
/// The connection's semantics over any <see cref="ConnectionContext.Transport"/>. One flow, <c>RunAsync</c>, raises
/// all events; other threads leave their wish in a field and wake it.
/// </summary>
internal sealed partial class SocketConnection : ISocketConnection, IThreadPoolWorkItem
{
    private const int DrainedSignal = 1;
    private const int StoppingSignal = 2;

    private readonly ConnectionContext _context;
    private readonly ConnectionSettings _settings;
    private readonly IConnectionControl? _control;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly ConnectionWriter _writer;
    private readonly IdleWatch? _idle;

    private Action<ReadOnlySpan<byte>>? _data;
    private Action? _endedEvent;
    private Action<Exception>? _error;
    private Action? _closedEvent;
    private Action? _drainedEvent;
    private Action? _stoppingEvent;

    // Made when it is needed: many connections never wait but for data.
    private WakeSignal? _wake;
    private ConnectionWatches? _watches;
    private string? _remoteAddress;
    private string? _localAddress;
    private Task? _handling;
    private Exception? _fault;
    private Exception? _readFailure;
    private Exception? _writeFailure;
    private int _signals;
    private int _eventThread;
    private bool _watchesTransport;
    private bool _inputIsWhole;
    private bool _pausedHere;
    private int _fullDestinations;
    private bool _hasRest;
    private ReadStyle _style;
    private volatile bool _paused;
    private volatile bool _held;
    private volatile bool _peerEnded;
    private volatile bool _endCalled;
    private volatile bool _closeCalled;
    private volatile bool _flushed;
    private volatile bool _finished;
    private volatile bool _endedLocally;
    private volatile bool _closedLocally;

    private SocketConnection(ConnectionContext context, ConnectionSettings settings)
    {
        _context = context;
        _settings = settings;
        _control = context.Features.Get<IConnectionControl>();
        _idle = settings.Options.IdleTimeout is { } timeout ? new IdleWatch(context, timeout, settings.TimeProvider) : null;
        _input = context.Transport.Input;
        _output = context.Transport.Output;
        _writer = new ConnectionWriter(this, _output, settings.Options);
        Tls = ConnectionTls.From(context.Features);
    }

    public string Id => _context.ConnectionId;

    public string? RemoteAddress => _closedLocally ? null : _remoteAddress ??= EndPointFormatter.Format(_context.RemoteEndPoint);

    public string? LocalAddress => _closedLocally ? null : _localAddress ??= EndPointFormatter.Format(_context.LocalEndPoint);

    public EndPoint? RemoteEndPoint => _context.RemoteEndPoint;

    public EndPoint? LocalEndPoint => _context.LocalEndPoint;

    public bool IsReadable => !(_peerEnded || _endCalled || _closeCalled || _finished);

    public bool IsWritable => !_finished && _writer.IsOpen;

    public IFeatureCollection Features => _context.Features;

    public IDictionary<object, object?> Items => _context.Items;

    public ISocketServer? Server => _settings.Server;

    public bool Write(ReadOnlySpan<byte> data)
    {
        ThrowIfPipeTaken();
        return _writer.Write(data, cork: IsEventThread);
    }

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        ThrowIfPipeTaken();
        return _writer.Write(data.Span, cork: IsEventThread) ? ValueTask.FromResult(true) : _writer.WaitForDrainAsync(cancellationToken);
    }

    public void End() => End(default);

    public void End(ReadOnlySpan<byte> data)
    {
        if (_finished || _closeCalled || _endCalled)
        {
            return;
        }

        ThrowIfPipeTaken();
        _cause.Add(SocketCloseReason.LocalEnd);
        _endedLocally = !_peerEnded;
        _endCalled = true;
        _writer.Write(data, cork: IsEventThread, end: true);
        Wake();
    }

    public void Close()
    {
        if (_finished && IsReadingRest)
        {
            Abort();
        }

        if (_finished || _closeCalled)
        {
            return;
        }

        _cause.Add(SocketCloseReason.LocalClose);
        _closedLocally = !_peerEnded;
        _closeCalled = true;
        _writer.Abort();
        Wake();
    }

    public void Pause() => SetPauses(pausedHere: true);

    public void Resume() => SetPauses(pausedHere: false);

    /// <summary>Stops reading for a destination that is full, apart from <see cref="Pause"/>: as often as <see cref="Release"/> is called.</summary>
    internal void Hold() => SetPauses(fullDestinations: 1);

    /// <summary>A destination is full no longer.</summary>
    internal void Release() => SetPauses(fullDestinations: -1);

    private ConnectionWatches Watches => _watches ??= new ConnectionWatches();

    private WakeSignal WakeSignal => LazyInitializer.EnsureInitialized(ref _wake, static () => new WakeSignal());

    private bool IsEventThread => _eventThread == Environment.CurrentManagedThreadId;

    /// <summary>Why the transport has failed, where it tells.</summary>
    internal Exception? TransportFailure => _control?.Failure;

    /// <summary>
    /// Whether the peer is gone, as only the socket knows: over TLS on Kestrel's transport writes succeed without end, and its reset may
    /// look like the end of what the peer sends.
    /// </summary>
    internal bool HasLostPeer => _control is null && _context.Features.Get<IConnectionSocketFeature>() is { Socket.Connected: false };

    internal void OnDrained() => Signal(DrainedSignal);

    /// <summary>Everything that was written has gone to the transport, and no more will come.</summary>
    internal void OnFlushed()
    {
        _flushed = true;
        Wake();
    }

    internal void OnWriteFailed(Exception exception)
    {
        _cause.Add(ReasonOfWriteFailure(exception));
        if (!_closeCalled)
        {
            // Where the connection has failed, what had arrived before is still to be read.
            ref Exception? failure = ref _fault;
            if (TransportFailure is not null)
            {
                failure = ref _writeFailure;
            }

            _ = Interlocked.CompareExchange(ref failure, exception, null);
        }

        OnFlushed();
    }

    private void SetPauses(bool? pausedHere = null, int fullDestinations = 0)
    {
        bool resumed;
        lock (_writer)
        {
            _pausedHere = pausedHere ?? _pausedHere;
            _fullDestinations += fullDestinations;
            bool paused = _pausedHere || _fullDestinations > 0;
            resumed = _paused && !paused;
            _paused = paused;
        }

        if (resumed)
        {
            Wake();
        }
    }

    private void Signal(int signal)
    {
        Interlocked.Or(ref _signals, signal);
        Wake();
    }

    // Makes the flow look at the state again. Never on this thread: whoever calls a method of the connection must
    // not find itself running the events of it.
    private void Wake()
    {
        if (IsEventThread || _finished)
        {
            return;
        }

        if (_control is not null)
        {
            _control.Schedule(this);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_style != ReadStyle.Events && (_closeCalled || _fault is not null || (_endCalled && _style != ReadStyle.Pipe)))
        {
            // What the handler reads.
            _input.CancelPendingRead();
        }

        if (!WakeSignal.Set() && _style == ReadStyle.Events)
        {
            // The flow reads, or is about to.
            _input.CancelPendingRead();
        }
    }
}
