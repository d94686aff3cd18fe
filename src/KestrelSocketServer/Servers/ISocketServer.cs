using System.Net;

namespace KestrelSocketServer;

/// <summary>
/// A server: one named endpoint that accepts connections. Injected by name
/// (<c>[FromKeyedServices("echo")] ISocketServer</c>) or taken from <see cref="ISocketServers"/>; consumers depend on this
/// interface alone, so that any implementation can take its place (row L11).
/// </summary>
/// <remarks>All members may be used from any thread. Events run on the thread pool and may run at the same time as one another.</remarks>
public interface ISocketServer
{
    /// <summary>The name of the endpoint.</summary>
    string Name { get; }

    /// <summary>
    /// The address listened on as <c>host:port</c>, with the real port where 0 was asked for; null before listening and after
    /// close (row L6).
    /// </summary>
    string? Address { get; }

    /// <summary>The end point listened on; null before listening and after close.</summary>
    EndPoint? EndPoint { get; }

    /// <summary>The connections that are established now: a snapshot.</summary>
    IReadOnlyCollection<ISocketConnection> Connections { get; }

    /// <summary>Whether accepting is paused by <see cref="PauseAccepting"/>.</summary>
    bool IsAcceptingPaused { get; }

    /// <summary>
    /// A connection is established, with TLS once the handshake is complete: once per connection, before the endpoint's
    /// handler sees it (row L1). An exception thrown here closes that connection alone (row L12).
    /// </summary>
    event Action<ISocketConnection>? Connection;

    /// <summary>
    /// A connection could not be accepted, its TLS handshake failed, or its handler threw. Never fatal: listening goes on
    /// (row L4).
    /// </summary>
    event Action<SocketServerError>? Error;

    /// <summary>Stops accepting until <see cref="ResumeAccepting"/>; new clients wait in the operating system's backlog. Idempotent.</summary>
    void PauseAccepting();

    /// <summary>Goes on accepting, those who wait first. Idempotent.</summary>
    void ResumeAccepting();

    /// <summary>
    /// Stops listening at once: new connections are refused and the port can be bound again when the task completes, while
    /// existing connections live on until they end (row L7). Has no effect when not listening (row L8).
    /// </summary>
    /// <param name="cancellationToken">Ends the wait, not the close.</param>
    Task CloseAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Drains the endpoint (row G19): stops listening at once as <see cref="CloseAsync"/>, asks the connections to end by
    /// <see cref="ISocketConnection.Stopping"/>, spread over a time, and waits until no more than some are left or the time is up. Nothing is
    /// closed: those that are left live on.
    /// </summary>
    /// <param name="options">How; null for the defaults: all at once, and 30 seconds.</param>
    /// <param name="cancellationToken">Ends the wait; the endpoint does not listen any more.</param>
    /// <returns>How many connections are left, those included that are still in their handshake, or whose end is on its way.</returns>
    /// <remarks>How many are left is logged once a second (<c>Draining</c>). Not to be awaited by a handler of the endpoint, which it would wait for.</remarks>
    /// <exception cref="ArgumentException">An option is not allowed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<int> DrainAsync(SocketDrainOptions? options = null, CancellationToken cancellationToken = default);
}
