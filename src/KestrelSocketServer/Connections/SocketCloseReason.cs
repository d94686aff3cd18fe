namespace KestrelSocketServer;

/// <summary>Why a connection is closed: the first cause there was.</summary>
public enum SocketCloseReason
{
    /// <summary>The peer finished sending, and what there was to send to it was sent.</summary>
    PeerEnded,

    /// <summary>The peer reset the connection, or it was lost on the way.</summary>
    PeerReset,

    /// <summary>The application called <see cref="ISocketConnection.End()"/>, or its handler returned.</summary>
    LocalEnd,

    /// <summary>The application called <see cref="ISocketConnection.Close"/>.</summary>
    LocalClose,

    /// <summary>A limit was reached, such as <see cref="SocketConnectionOptions.WriteBufferHardLimit"/>.</summary>
    Limit,

    /// <summary>The server was shutting down, and the connection did not end by itself in time.</summary>
    Shutdown,

    /// <summary>The handler, or a subscriber of an event, threw.</summary>
    HandlerFault,

    /// <summary>A read or a write failed for another cause, such as a violation of TLS.</summary>
    TransportFault,
}
