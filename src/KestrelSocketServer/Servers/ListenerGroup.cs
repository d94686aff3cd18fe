using System.Net;

namespace KestrelSocketServer.Servers;

/// <summary>The listeners of an endpoint, one or one for each event loop: what is done to one is done to all.</summary>
internal sealed class ListenerGroup(IReadOnlyList<SocketListener> listeners)
{
    public EndPoint EndPoint { get; } = listeners[0].EndPoint;

    /// <summary>Begins to accept.</summary>
    public void Start()
    {
        // What flows where the endpoint is started does not belong to its connections.
        using AsyncFlowControl flow = ExecutionContext.SuppressFlow();
        foreach (SocketListener listener in listeners)
        {
            _ = listener.AcceptAllAsync();
        }
    }

    /// <summary>Changes the options of the sockets while they listen.</summary>
    public void Configure(SocketListenerOptions options)
    {
        foreach (SocketListener listener in listeners)
        {
            listener.Configure(options);
        }
    }

    public void Pause()
    {
        foreach (SocketListener listener in listeners)
        {
            listener.Pause();
        }
    }

    public void Resume()
    {
        foreach (SocketListener listener in listeners)
        {
            listener.Resume();
        }
    }

    /// <summary>Stops listening at once; the port can be bound again.</summary>
    public void Unbind()
    {
        foreach (SocketListener listener in listeners)
        {
            listener.Unbind();
        }
    }
}
