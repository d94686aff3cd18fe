using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer;

/// <summary>The endpoints of the application and what holds for all of them.</summary>
public sealed class SocketServerOptions
{
    private readonly Dictionary<string, EndpointDefinition> _endpoints = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// How long a shutdown waits for connections to end by themselves before it closes them. The host's own shutdown
    /// time-out ends the wait too.
    /// </summary>
    /// <remarks>
    /// Defaults to one second, so that Ctrl+C ends a process with idle clients soon.
    /// <see cref="Timeout.InfiniteTimeSpan"/> waits as long as the host does.
    /// </remarks>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(1);

    internal IReadOnlyCollection<EndpointDefinition> Endpoints => _endpoints.Values;

    /// <summary>Adds an endpoint that listens when the host starts.</summary>
    /// <param name="name">The name by which it is injected, logged and measured; unique without regard to case.</param>
    /// <param name="address">
    /// What to listen on: a port (then on 127.0.0.1 only), <c>127.0.0.1:8007</c>, <c>tcp://[::1]:8007</c>; port 0 takes a free
    /// one (rows A1 to A5).
    /// </param>
    /// <param name="configure">Configures the endpoint; it needs a handler.</param>
    /// <returns>The same options.</returns>
    /// <exception cref="ArgumentException">The name is empty, or the address is not valid (rows A6 to A11).</exception>
    /// <exception cref="InvalidOperationException">The name is used twice.</exception>
    public SocketServerOptions Listen(string name, string address, Action<ListenOptions> configure)
        => Listen(name, EndpointDefinition.ParseAddress(name, address), configure);

    /// <summary>Adds an endpoint on 127.0.0.1 that listens when the host starts (row A1).</summary>
    /// <param name="name">The name by which it is injected, logged and measured; unique without regard to case.</param>
    /// <param name="port">The port; 0 takes a free one (row A2).</param>
    /// <param name="configure">Configures the endpoint; it needs a handler.</param>
    /// <returns>The same options.</returns>
    /// <exception cref="ArgumentException">The name is empty, or the port is out of range (row A9).</exception>
    /// <exception cref="InvalidOperationException">The name is used twice.</exception>
    public SocketServerOptions Listen(string name, int port, Action<ListenOptions> configure)
        => Listen(name, EndpointDefinition.ParsePort(name, port), configure);

    /// <summary>Adds an endpoint that listens when the host starts.</summary>
    /// <param name="name">The name by which it is injected, logged and measured; unique without regard to case.</param>
    /// <param name="address">What to listen on.</param>
    /// <param name="configure">Configures the endpoint; it needs a handler.</param>
    /// <returns>The same options.</returns>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="InvalidOperationException">The name is used twice.</exception>
    public SocketServerOptions Listen(string name, ListenAddress address, Action<ListenOptions> configure)
    {
        var endpoint = new EndpointDefinition(name, address, configure);
        if (!_endpoints.TryAdd(endpoint.Name, endpoint))
        {
            throw new InvalidOperationException($"Endpoint '{name}' is there twice; the names of endpoints are unique without regard to case.");
        }

        return this;
    }
}
