using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.Connections;

/// <summary>
/// The connection's semantics over any <see cref="ConnectionContext.Transport"/>. One run loop, <c>RunAsync</c>, raises
/// all events; other threads leave their wish in a field and wake it.
/// </summary>
/// <remarks>
/// Its parts: <see cref="ConnectionState"/> says where the two directions are, <see cref="CloseCause"/> why they end,
/// <see cref="ConnectionEvents"/> who is told, <see cref="ConnectionWriter"/> sends, <see cref="ChunkReading"/>,
/// <see cref="ConnectionStream"/> and <see cref="PullReading"/> are the styles in which the handler reads, <see cref="ConnectionEnding"/>
/// ends. They are structs where a class would be one more object for each connection. A connection of messages derives from it for the
/// same reason.
/// </remarks>
internal partial class SocketConnection : ISocketConnection, IThreadPoolWorkItem
{
    private readonly ConnectionContext _context;
    private readonly ConnectionTimeouts? _timeouts;

    internal ConnectionState State;
    internal CloseCause Cause;
    private ConnectionEvents _events;
    private ConnectionMeasurement _measurement;
    private Pauses _pauses;

    // Made when it is needed: many connections never wait but for data.
    private WakeSignal? _wake;
    private ConnectionRegistrations? _registrations;
    private PipeWriter? _takenOutput;
    private string? _remoteAddress;
    private string? _localAddress;
    private Task? _handling;
    private int _eventThread;
    private int _style;
    private int _signals;
    private bool _hasRest;
    private bool _watchesFailure;
    private bool _endIsSent;
    private bool _isErrorRaised;
    private volatile bool _isHandlerDone;
    private volatile bool _isFinished;
    private volatile bool _resets;

    private protected SocketConnection(ConnectionContext context, ConnectionSettings settings, ReadStyle style = ReadStyle.None)
    {
        _context = context;
        _style = (int)style;
        Settings = settings;
        Transport = ForeignTransport.Adapt(context, settings);
        _timeouts = settings.Options.HasTimeouts ? new ConnectionTimeouts(this) : null;
        Input = context.Transport.Input;
        Writer = new ConnectionWriter(this, context.Transport.Output, Transport.PeerSocket, settings.Options);
        Tls = ConnectionTls.From(context.Features);
    }

    public string Id => _context.ConnectionId;

    public string? RemoteAddress => _remoteAddress ??= EndPointFormatter.Format(_context.RemoteEndPoint);

    public string? LocalAddress => _localAddress ??= EndPointFormatter.Format(_context.LocalEndPoint);

    public EndPoint? RemoteEndPoint => _context.RemoteEndPoint;

    public EndPoint? LocalEndPoint => _context.LocalEndPoint;

    public bool IsReadable => State.Read == ReadState.Open && !_isFinished;

    public bool IsWritable => State.Write == WriteState.Open && !_isFinished;

    public SocketCloseReason? CloseReason => Cause.Final;

    public long DiscardedBytes => Transport.DiscardedBytes;

    public ConnectionTls? Tls { get; }

    public IFeatureCollection Features => _context.Features;

    public IDictionary<object, object?> Items => _context.Items;

    public ISocketServer? Server => Settings.Endpoint?.Server;

    public CancellationToken ConnectionClosed
    {
        get
        {
            if (ClosedSource is not { } closed)
            {
                closed = LazyInitializer.EnsureInitialized(ref Registrations.Closed, static () => new CancellationTokenSource());
                Wake();
            }

            if (_isFinished)
            {
                // Made just now, perhaps, while nobody looked any more.
                closed.Cancel();
            }

            return closed.Token;
        }
    }

    internal ConnectionSettings Settings { get; }

    /// <summary>Whether the handler was given any of what the peer sent.</summary>
    internal bool HasReceived { get; set; }

    /// <summary>Whether something keeps the data event from being raised.</summary>
    internal bool IsPaused => _pauses.Any;

    internal IConnectionControl Transport { get; }

    internal PipeReader Input { get; }

    internal ConnectionWriter Writer { get; }

    internal ReadStyle Style => (ReadStyle)Volatile.Read(ref _style);

    /// <summary>Whether the closed event was raised, or is.</summary>
    internal bool IsFinished => _isFinished;

    internal WakeSignal WakeSignal => LazyInitializer.EnsureInitialized(ref _wake, static () => new WakeSignal());

    private ConnectionRegistrations Registrations => LazyInitializer.EnsureInitialized(ref _registrations, static () => new ConnectionRegistrations());

    private CancellationTokenSource? ClosedSource => Volatile.Read(ref _registrations)?.Closed;

    private bool IsEventThread => _eventThread == Environment.CurrentManagedThreadId;

    public bool Write(ReadOnlySpan<byte> data) => Writer.Write(data, cork: IsEventThread);

    public bool Write<TState>(TState state, Action<IBufferWriter<byte>, TState> write)
        where TState : allows ref struct
    {
        ArgumentNullException.ThrowIfNull(write);

        return Writer.Write(state, write, cork: IsEventThread);
    }

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
        => Writer.Write(data.Span, cork: IsEventThread) ? ValueTask.FromResult(true) : Writer.WaitForDrainAsync(cancellationToken);

    public void End() => End(default);

    public void End(ReadOnlySpan<byte> data)
    {
        if (_isFinished || State.IsReadingStopped)
        {
            return;
        }

        Writer.ThrowIfTaken();
        Cause.Add(SocketCloseReason.LocalEnd);
        State.StopReading();
        EndWriting(data);
    }

    public void EndWriting()
    {
        if (_isFinished || State.Write != WriteState.Open)
        {
            return;
        }

        Writer.ThrowIfTaken();
        Cause.Add(SocketCloseReason.LocalEnd);
        EndWriting(default);
    }

    public Task EndAsync(CancellationToken cancellationToken = default)
    {
        End();
        TaskCompletionSource sent = LazyInitializer.EnsureInitialized(
            ref Registrations.Sent, static () => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        TellWhetherSent(sent);
        return sent.Task.WaitAsync(cancellationToken);
    }

    public void Close() => Close(resets: false);

    public void Reset() => Close(resets: true);

    public void Pause() => _pauses.Pause();

    public void Resume()
    {
        if (_pauses.Resume())
        {
            Wake();
        }
    }

    /// <summary>Stops reading for a destination that is full, apart from <see cref="Pause"/>: as often as <see cref="Release"/> is called.</summary>
    internal void Hold() => _pauses.Hold();

    /// <summary>A destination is full no longer.</summary>
    internal void Release()
    {
        if (_pauses.Release())
        {
            Wake();
        }
    }

    /// <summary>
    /// Makes the run loop look at the state again. Never on this thread: whoever calls a method of the connection must not find itself running
    /// the events of it.
    /// </summary>
    internal void Wake()
    {
        if (!IsEventThread && !_isFinished)
        {
            Transport.Schedule(this);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        bool readsItself = ReadsItself;
        if (!readsItself && (State.IsClosed || Cause.Fault is not null || (State.IsReadingStopped && !(Style == ReadStyle.Pipe && _isHandlerDone))))
        {
            // What the handler reads.
            Input.CancelPendingRead();
        }

        if (!WakeSignal.Set() && readsItself)
        {
            // The run loop reads, or is about to.
            Input.CancelPendingRead();
        }
    }

    private void EndWriting(ReadOnlySpan<byte> data)
    {
        if (State.EndWriting())
        {
            Writer.Write(data, cork: IsEventThread, end: true);
        }

        Wake();
    }

    private void Close(bool resets)
    {
        if (_isFinished && IsReadingRest)
        {
            Abort();
        }

        if (_isFinished || State.IsClosed)
        {
            return;
        }

        Cause.Add(SocketCloseReason.LocalClose);
        _resets = resets;
        if (State.Close())
        {
            Writer.Abort();
            Wake();
        }
    }
}
