namespace KestrelSocketServer.Transport;

/// <summary>What becomes of a client that has connected.</summary>
internal enum GateDecision
{
    /// <summary>It becomes a connection.</summary>
    Accept,

    /// <summary>Its socket is closed at once.</summary>
    Refuse,

    /// <summary>It waits, with those in the system's queue, until there is room.</summary>
    Wait,
}
