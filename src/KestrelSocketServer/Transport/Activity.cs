namespace KestrelSocketServer.Transport;

/// <summary>What a transport tells of a connection, for its time-outs.</summary>
[Flags]
internal enum Activity
{
    /// <summary>Nothing was received nor sent since the last call, nothing waits to be sent, and nobody reads.</summary>
    None = 0,

    /// <summary>Something was received since the last call.</summary>
    Received = 1,

    /// <summary>Something was sent since the last call: the system has taken it.</summary>
    Sent = 2,

    /// <summary>Something waits to be sent: the system does not take it.</summary>
    Unsent = 4,

    /// <summary>A read waits for the peer.</summary>
    Reading = 8,
}
