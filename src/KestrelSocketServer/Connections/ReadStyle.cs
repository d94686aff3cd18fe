namespace KestrelSocketServer.Connections;

/// <summary>How a connection is read; the first use decides.</summary>
internal enum ReadStyle
{
    /// <summary>Not decided yet: the handler has not returned, and nothing is read but what a local end drops.</summary>
    None,

    /// <summary>By the data event: also where the handler has returned and nobody subscribes.</summary>
    Events,

    /// <summary>By <see cref="ISocketConnection.ReadAllAsync"/>.</summary>
    Chunks,

    /// <summary>By <see cref="ISocketConnection.AsStream"/>.</summary>
    Stream,

    /// <summary>By <see cref="ISocketConnection.AsPipe"/>.</summary>
    Pipe,

    /// <summary>By the messages of its protocol, which the run loop reads: from the start, as the endpoint says so.</summary>
    Messages,

    /// <summary>By messages that the handler pulls.</summary>
    PulledMessages,

    /// <summary>Not decided yet, and the run loop is looking at what has arrived: over in a moment.</summary>
    Peeking,
}
