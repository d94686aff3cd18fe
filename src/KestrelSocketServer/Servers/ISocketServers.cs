using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer;

/// <summary>All servers of the application; endpoints can be added and closed while it runs.</summary>
/// <remarks>All members may be used from any thread. Enumerating gives a snapshot.</remarks>
#pragma warning disable CA1710 // It is the servers of the application, not a collection type.
public interface ISocketServers : IReadOnlyCollection<ISocketServer>
#pragma warning restore CA1710
{
    /// <summary>An endpoint has started or stopped to listen. Raised on the flow that changed it: do not wait in it for another change.</summary>
    event Action? Changed;

    /// <summary>The endpoints follow the configuration as it is now, whether or not that changed any of them. Raised on the thread pool.</summary>
    event Action? Reloaded;

    /// <summary>
    /// A change of the configuration could not be applied, for the reason given: all endpoints stay as they were. Raised on
    /// the thread pool.
    /// </summary>
    /// <remarks>
    /// Raised also for a file of the configuration that cannot be read. What fails as descriptors or memory have run out is tried
    /// again until it is applied, and told once.
    /// </remarks>
    event Action<Exception>? ReloadFailed;

    /// <summary>Finds a server by the name of its endpoint.</summary>
    /// <param name="name">The name, compared without case.</param>
    /// <param name="server">The server, listening or not.</param>
    /// <returns>Whether an endpoint of that name is known.</returns>
    bool TryGet(string name, [NotNullWhen(true)] out ISocketServer? server);

    /// <summary>Starts to listen on a further endpoint, or again on one that was closed.</summary>
    /// <param name="name">The name of the endpoint, unique among those that listen.</param>
    /// <param name="address">The address, for example <c>8007</c>, <c>127.0.0.1:0</c> or <c>tcp://[::1]:8007</c>.</param>
    /// <param name="configure">Configures the endpoint; it needs a handler.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <returns>The server, listening.</returns>
    /// <exception cref="ArgumentException">The name is empty or the address is not valid.</exception>
    /// <exception cref="InvalidOperationException">An endpoint of that name is listening, or has no handler.</exception>
    /// <exception cref="IOException">The address cannot be listened on (row A13).</exception>
    Task<ISocketServer> ListenAsync(string name, string address, Action<ListenOptions> configure, CancellationToken cancellationToken = default);

    /// <summary>Stops listening on an endpoint at once; its connections live on (row L7). Has no effect where it does not listen.</summary>
    /// <param name="name">The name of the endpoint, compared without case.</param>
    /// <param name="cancellationToken">Ends the wait, not the close.</param>
    /// <exception cref="InvalidOperationException">There is no endpoint of that name.</exception>
    Task CloseAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Drains all endpoints at the same time (row G19), as <see cref="ISocketServer.DrainAsync"/> does one.</summary>
    /// <param name="options">How; the numbers are of all endpoints together. Null for the defaults.</param>
    /// <param name="cancellationToken">Ends the wait; no endpoint listens any more.</param>
    /// <returns>How many connections are left.</returns>
    /// <exception cref="ArgumentException">An option is not allowed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<int> DrainAsync(SocketDrainOptions? options = null, CancellationToken cancellationToken = default);
}
