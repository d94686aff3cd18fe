namespace KestrelSocketServer.Connections;

/// <summary>
/// How the bytes below TLS have ended. TLS shows the end of the stream in one way, whether the peer announced it (close_notify) or the bytes
/// just ended; only below can be seen which of them it was.
/// </summary>
internal interface IEndOfTransport
{
    /// <summary>
    /// Whether TLS was told of the end of the bytes. It asks for no more after a close_notify, so when its own stream has
    /// ended too, there was none.
    /// </summary>
    bool HasEnded { get; }

    /// <summary>Whether an end without close_notify is an error.</summary>
    bool RequiresCloseNotify { get; }
}
