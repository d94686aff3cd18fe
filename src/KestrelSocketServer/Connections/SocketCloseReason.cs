namespace KestrelSocketServer;

/// <summary>
/// Why a connection is closed: the first failure there was, such as a reset or a fault, or else the first orderly end, the peer's
/// or the application's.
/// </summary>
public enum SocketCloseReason
{
    /// <summary>No reason: none that a connection of this version closes for.</summary>
    Unknown = 0,

    /// <summary>The peer finished sending, and what there was to send to it was sent.</summary>
    PeerEnded,

    /// <summary>The peer reset the connection, or it was lost on the way.</summary>
    PeerReset,

    /// <summary>
    /// The application called <see cref="ISocketConnection.End()"/> or <see cref="ISocketConnection.EndWriting"/>, or its handler returned.
    /// </summary>
    LocalEnd,

    /// <summary>The application called <see cref="ISocketConnection.Close"/> or <see cref="ISocketConnection.Reset"/>.</summary>
    LocalClose,

    /// <summary>There was more to send than a limit allows: <see cref="SocketConnectionOptions.WriteBufferHardLimit"/>.</summary>
    WriteLimit,

    /// <summary>Nothing was received nor sent for as long as <see cref="SocketConnectionOptions.IdleTimeout"/> says.</summary>
    Idle,

    /// <summary>The server was shutting down, and the connection did not end by itself in time.</summary>
    Shutdown,

    /// <summary>The handler, or a subscriber of an event, threw.</summary>
    HandlerFault,

    /// <summary>A read or a write failed for another cause, such as a violation of TLS.</summary>
    TransportFault,

    /// <summary>Nothing was received from the beginning for as long as <see cref="SocketConnectionOptions.FirstByteTimeout"/> says.</summary>
    FirstByteTimeout,

    /// <summary>Nothing was received for as long as <see cref="SocketConnectionOptions.ReadTimeout"/> says.</summary>
    ReadTimeout,

    /// <summary>The peer took nothing of what was to be sent for as long as <see cref="SocketConnectionOptions.WriteTimeout"/> says.</summary>
    WriteTimeout,

    /// <summary>One direction was over, and the other idle for as long as <see cref="SocketConnectionOptions.HalfClosedTimeout"/> says.</summary>
    HalfClosedTimeout,

    /// <summary>The connection has reached <see cref="SocketConnectionOptions.MaxConnectionAge"/>, and did not end by itself in time.</summary>
    MaxAge,

    /// <summary>
    /// All connections together had more to send than <see cref="SocketServerLimits.MaxUnsentBytes"/> allows, and this one held most of it.
    /// </summary>
    Limit,

    /// <summary>The peer broke the protocol of its messages, or left in the middle of one: a <see cref="MessageProtocolException"/>.</summary>
    ProtocolViolation,

    /// <summary>A message that had begun was not complete within <see cref="SocketConnectionOptions.MessageTimeout"/>.</summary>
    MessageTimeout,
}
