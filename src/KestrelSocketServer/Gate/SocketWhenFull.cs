namespace KestrelSocketServer;

/// <summary>What becomes of clients that come while an endpoint has <see cref="SocketConnectionOptions.MaxConcurrentConnections"/>.</summary>
public enum SocketWhenFull
{
    /// <summary>They are refused at once.</summary>
    Refuse,

    /// <summary>They wait in the operating system's queue until a connection is closed; how many can is <see cref="SocketListenerOptions.Backlog"/>.</summary>
    Wait,
}
