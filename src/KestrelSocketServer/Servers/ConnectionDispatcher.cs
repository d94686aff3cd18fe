using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Servers;

/// <summary>Runs the connections of an endpoint, each on its event loop.</summary>
internal sealed class ConnectionDispatcher : IDisposable
{
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(1);

    private readonly SocketServer _server;
    private readonly Lock _lock = new();
    private readonly HashSet<DispatchedConnection> _connections = [];
    private readonly ITimer _heartbeat;
    private bool _hasHeartbeat;
    private bool _isStopping;

    public ConnectionDispatcher(SocketServer server, ILogger logger, TimeProvider timeProvider)
    {
        _server = server;
        Logger = logger;

        // Made here, as it keeps what flows where it is made: not the flow of the first connection that wants it.
        _heartbeat = timeProvider.CreateTimer(
            static dispatcher => ((ConnectionDispatcher)dispatcher!).OnHeartbeat(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public ILogger Logger { get; }

    /// <summary>Starts a connection: on its event loop, or on the thread pool where it has none.</summary>
    public void Dispatch(TransportConnection connection, ConnectionDelegate pipeline)
    {
        var dispatched = new DispatchedConnection(connection, pipeline, this);
        bool isStopping;
        lock (_lock)
        {
            _connections.Add(dispatched);
            isStopping = _isStopping;
        }

        if (isStopping)
        {
            dispatched.RequestClose();
        }

        dispatched.Start();
    }

    /// <summary>Tells those that still come that the server is shutting down.</summary>
    /// <returns>What tells the others, one by one.</returns>
    public IReadOnlyList<Action> BeginStopping()
    {
        lock (_lock)
        {
            _isStopping = true;
        }

        return [.. Connections.Select(static connection => (Action)connection.RequestClose)];
    }

    /// <summary>Ends all connections at once.</summary>
    public void Abort() => Array.ForEach(Connections, static connection => connection.Abort());

    /// <summary>Tells all connections each second, from now on.</summary>
    public void StartHeartbeat()
    {
        lock (_lock)
        {
            _hasHeartbeat = _hasHeartbeat || _heartbeat.Change(HeartbeatInterval, HeartbeatInterval);
        }
    }

    public void Remove(DispatchedConnection connection)
    {
        lock (_lock)
        {
            _connections.Remove(connection);
        }
    }

    /// <summary>Something threw that nobody in the pipeline has caught.</summary>
    public void OnFault(ConnectionContext connection, Exception exception)
    {
        Logger.HandlerFault(exception, connection.ConnectionId);
        _server.OpenConnections.RaiseError(new SocketServerError(SocketServerErrorStage.Handler, exception, connection.ConnectionId, connection.RemoteEndPoint));
    }

    public void Dispose() => _heartbeat.Dispose();

    private DispatchedConnection[] Connections
    {
        get
        {
            lock (_lock)
            {
                return [.. _connections];
            }
        }
    }

    private void OnHeartbeat() => Array.ForEach(Connections, static connection => connection.OnHeartbeat());
}
