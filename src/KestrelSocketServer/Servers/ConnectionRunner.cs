using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>The connections of an endpoint that run where their work runs: all but those with TLS, whose middleware needs Kestrel's own dispatcher.</summary>
internal sealed class ConnectionRunner(SocketServer server, ILogger logger, TimeProvider timeProvider) : IDisposable
{
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<ConnectionRun> _runs = [];
    private readonly HashSet<ConnectionRun> _heartbeats = [];
    private ITimer? _timer;
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

    public void AddHeartbeat(ConnectionRun run)
    {
        lock (_lock)
        {
            _heartbeats.Add(run);
            _timer ??= timeProvider.CreateTimer(static runner => ((ConnectionRunner)runner!).Tick(), this, HeartbeatInterval, HeartbeatInterval);
        }
    }

    public void Remove(ConnectionRun run, bool hasHeartbeat)
    {
        lock (_lock)
        {
            _runs.Remove(run);
            if (hasHeartbeat)
            {
                _heartbeats.Remove(run);
            }
        }
    }

    /// <summary>Something threw that nobody in the pipeline has caught.</summary>
    public void OnFault(ConnectionContext connection, Exception exception)
    {
        Logger.HandlerFault(exception, connection.ConnectionId);
        server.RaiseError(new SocketServerError(SocketServerErrorStage.Handler, exception, connection.ConnectionId, connection.RemoteEndPoint));
    }

    public void Dispose() => _timer?.Dispose();

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

    private void Tick()
    {
        ConnectionRun[] heartbeats;
        lock (_lock)
        {
            heartbeats = [.. _heartbeats];
        }

        foreach (ConnectionRun run in heartbeats)
        {
            try
            {
                run.Tick();
            }
            catch (Exception exception)
            {
                Logger.HeartbeatFault(exception);
            }
        }
    }
}
