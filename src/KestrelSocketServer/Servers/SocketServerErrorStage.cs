namespace KestrelSocketServer;

/// <summary>Where a <see cref="SocketServerError"/> happened.</summary>
public enum SocketServerErrorStage
{
    /// <summary>The operating system could not accept a connection, for example because the descriptors are used up (row L5).</summary>
    Accept,

    /// <summary>The TLS handshake failed (row T4).</summary>
    Handshake,

    /// <summary>A subscriber of the connection event, or a handler, threw (row L12).</summary>
    Handler,

    /// <summary>A certificate cannot be loaded any more; the last good one is used (<see cref="SocketTlsOptions.KeepLastGoodCertificate"/>).</summary>
    Certificate,

    /// <summary>
    /// A client was refused for its PROXY header: a trusted proxy sent none or a wrong one, or the client came directly where one is
    /// required (row G18).
    /// </summary>
    /// <remarks>Raised for each reason at most once in ten seconds, with the number of clients.</remarks>
    ProxyProtocol,

    /// <summary>
    /// Clients were refused by a limit or a list of the endpoint: told at most once in ten seconds for each of them, with their number
    /// (row G7).
    /// </summary>
    Refused,
}
