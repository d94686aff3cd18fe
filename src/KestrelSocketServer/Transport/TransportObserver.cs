namespace KestrelSocketServer.Transport;

/// <summary>What a transport tells of the connections of one endpoint.</summary>
/// <param name="OnBlocked">A handler has held its event loop for too long.</param>
/// <param name="OnFault">Something threw that was registered for an end of the connection.</param>
/// <param name="OnDisposed">A connection is over, and its socket given back.</param>
internal sealed record TransportObserver(Action<TransportConnection> OnBlocked, Action<TransportConnection, Exception> OnFault, Action<TransportConnection> OnDisposed);
