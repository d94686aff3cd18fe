using KestrelSocketServer.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Connections;

/// <summary>The connections of one endpoint, and whoever subscribed to them.</summary>
internal sealed class EndpointConnections(ISocketServer server, string name, ILogger logger)
{
    private readonly HashSet<SocketConnection> _open = [];
    private bool _stopping;

    public event Action<ISocketConnection>? Connection;

    public event Action<SocketServerError>? Error;

    /// <summary>The endpoint's name.</summary>
    public string Name { get; } = name;

    /// <summary>The endpoint, as its connections' handlers see it.</summary>
    public ISocketServer Server { get; } = server;

    /// <summary>Whether somebody waits for connections: then the endpoint needs no handler of its own.</summary>
    public bool HasSubscriber => Connection is not null;

    /// <summary>A connection is closed.</summary>
    public event Action? Removed;

    public int Count
    {
        get
        {
            lock (_open)
            {
                return _open.Count;
            }
        }
    }

    public ISocketConnection[] ToArray()
    {
        lock (_open)
        {
            return [.. _open];
        }
    }

    public void Add(SocketConnection connection)
    {
        bool stopping;
        lock (_open)
        {
            _open.Add(connection);
            stopping = _stopping;
        }

        if (stopping)
        {
            connection.OnStopping();
        }
    }

    public void Remove(SocketConnection connection)
    {
        lock (_open)
        {
            _open.Remove(connection);
        }

        Removed?.Invoke();
    }

    /// <summary>Reports to the connections that are still to come that the endpoint stops.</summary>
    /// <returns>What reports it to the others, one by one.</returns>
    public IReadOnlyList<Action> BeginStopping()
    {
        lock (_open)
        {
            _stopping = true;
            return [.. _open.Select(static connection => (Action)connection.OnStopping)];
        }
    }

    /// <summary>The endpoint listens again.</summary>
    public void Restart()
    {
        lock (_open)
        {
            _stopping = false;
        }
    }

    /// <remarks>An exception of a subscriber is the caller's: it belongs to the connection (row L12).</remarks>
    public void RaiseConnection(ISocketConnection connection) => Connection?.Invoke(connection);

    public void RaiseError(SocketServerError error)
    {
        try
        {
            Error?.Invoke(error);
        }
        catch (Exception exception)
        {
            logger.SubscriberFault(exception, $"endpoint {Name}");
        }
    }
}
