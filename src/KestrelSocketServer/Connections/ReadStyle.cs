namespace KestrelSocketServer;

/// <summary>How a connection is read; the first use decides.</summary>
internal enum ReadStyle
{
    /// <summary>By the data event: the default, also where nobody subscribes.</summary>
    Events,

    /// <summary>By <see cref="ISocketConnection.ReadAllAsync"/>.</summary>
    Chunks,

    /// <summary>By <see cref="ISocketConnection.AsStream"/>.</summary>
    Stream,

    /// <summary>By <see cref="ISocketConnection.AsPipe"/>.</summary>
    Pipe,
}
