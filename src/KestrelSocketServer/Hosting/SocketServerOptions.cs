using KestrelSocketServer.Configuration;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;

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

    /// <summary>How the bytes of all connections are moved.</summary>
    public SocketServerTransportOptions Transport { get; } = new();

    /// <summary>What holds for all endpoints together.</summary>
    public SocketServerLimits Limits { get; } = new();

    internal IReadOnlyDictionary<string, EndpointDefinition> Endpoints => _endpoints;

    /// <summary>The section that holds the endpoints; null where there is no configuration.</summary>
    internal IConfiguration? Configuration { get; set; }

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
        Define(name).Listen(address, configure);
        return this;
    }

    /// <summary>
    /// Gives an endpoint of the configuration its handler, and whatever else code has to say of it. An endpoint that
    /// configuration does not have fails the start, unless it is <see cref="SocketEndpointBuilder.Optional"/>.
    /// </summary>
    /// <param name="name">The name of the endpoint, compared without case.</param>
    /// <returns>A builder for the endpoint.</returns>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public SocketEndpointBuilder Endpoint(string name) => new(Define(name));

    private EndpointDefinition Define(string name)
    {
        var added = new EndpointDefinition(name);
        return _endpoints.TryAdd(name, added) ? added : _endpoints[name];
    }
}
