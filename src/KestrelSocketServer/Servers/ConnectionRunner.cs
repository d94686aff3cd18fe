using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>The connections of an endpoint that run where their work runs: all but those with Kestrel's own TLS, whose middleware needs its dispatcher.</summary>
internal sealed class ConnectionRunner(SocketServer server, ILogger logger, TimeProvider timeProvider) : IDisposable
{
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<ConnectionRun> _runs = [];
    private ITimer? _heartbeat;
    private bool _isStopping;

    public ILogger Logger { get; } = logger;

    /// <summary>Starts a connection: on its event loop, or on the thread pool where it has none.</summary>
    public void Start(TransportConnection connection, ConnectionDelegate pipeline)
    {
        var run = new ConnectionRun(connection, pipeline, this);
        bool isStopping;
        lock (_lock)
        {
            _runs.Add(run);
            isStopping = _isStopping;
        }

        if (isStopping)
        {
            run.RequestClose();
        }

        run.Start();
    }

    /// <summary>Tells all connections, and those that still come, that the server is shutting down.</summary>
    public void RequestClose()
    {
        lock (_lock)
        {
            _isStopping = true;
        }

        Array.ForEach(Runs, static run => run.RequestClose());
    }

    /// <summary>Ends all connections at once.</summary>
    public void Abort() => Array.ForEach(Runs, static run => run.Abort());

    /// <summary>Tells all connections each second, from now on.</summary>
    public void StartHeartbeat()
    {
        lock (_lock)
        {
            _heartbeat ??= timeProvider.CreateTimer(static runner => ((ConnectionRunner)runner!).OnHeartbeat(), this, HeartbeatInterval, HeartbeatInterval);
        }
    }

    public void Remove(ConnectionRun run)
    {
        lock (_lock)
        {
            _runs.Remove(run);
        }
    }

    /// <summary>Something threw that nobody in the pipeline has caught.</summary>
    public void OnFault(ConnectionContext connection, Exception exception)
    {
        Logger.HandlerFault(exception, connection.ConnectionId);
        server.RaiseError(new SocketServerError(SocketServerErrorStage.Handler, exception, connection.ConnectionId, connection.RemoteEndPoint));
    }

    public void Dispose() => _heartbeat?.Dispose();

    private ConnectionRun[] Runs
    {
        get
        {
            lock (_lock)
            {
                return [.. _runs];
            }
        }
    }

    private void OnHeartbeat() => Array.ForEach(Runs, static run => run.OnHeartbeat());
}
