namespace KestrelSocketServer.Transport;

/// <summary>Decides on each client when its socket is accepted, before anything is made for it. Throws nothing.</summary>
internal interface IAcceptGate
{
    /// <summary>What a refused client is sent before its socket is closed; empty for nothing.</summary>
    byte[] Goodbye { get; }

    /// <summary>Decides on a client.</summary>
    /// <param name="address">The bytes of its IP address, 4 or 16; none where it has no such address.</param>
    /// <param name="ticket">What <see cref="Release"/> is called with, once, when an accepted client is gone.</param>
    GateDecision Decide(ReadOnlySpan<byte> address, out int ticket);

    /// <summary>A client that was accepted is gone.</summary>
    void Release(int ticket);
}
