namespace KestrelSocketServer.Transport;

/// <summary>Accepts the connections of a listening socket. Each driver has its own.</summary>
internal interface IAcceptor : IDisposable
{
    /// <summary>Accepts a connection; one call at a time.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The system cannot accept one, for example because the descriptors are used up.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; no connection is lost.</exception>
    ValueTask<TransportConnection> AcceptAsync(CancellationToken cancellationToken);
}
