namespace KestrelSocketServer;

/// <summary>
/// What configuration can say of an endpoint, below <c>SocketServer:Endpoints:{name}</c>, or of all of them, below
/// <c>SocketServer:EndpointDefaults</c>.
/// </summary>
public sealed class SocketEndpointOptions
{
    /// <summary>The address to listen on, in any form that <see cref="ListenAddress.Parse(string)"/> takes.</summary>
    /// <remarks>Required for each endpoint that has no address in code. A change moves the endpoint.</remarks>
    public string? Url { get; set; }

    /// <summary>Whether the endpoint listens.</summary>
    /// <remarks>Defaults to true.</remarks>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether the endpoint is left out, rather than an error, when code gives it no handler.</summary>
    /// <remarks>Defaults to false.</remarks>
    public bool Optional { get; set; }

    /// <summary>The options of the listening socket. A change replaces the socket.</summary>
    public SocketListenerOptions Socket { get; set; } = new();

    /// <summary>The options of its connections. A change holds for connections accepted from then on.</summary>
    public SocketConnectionOptions Limits { get; set; } = new();
}
