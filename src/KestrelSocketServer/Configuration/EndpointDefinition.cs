using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.Configuration;

/// <summary>What code says of an endpoint, before it listens.</summary>
internal sealed class EndpointDefinition
{
    private Action<ListenOptions>? _configure;

    public EndpointDefinition(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);

        Name = name;
    }

    public string Name { get; }

    /// <summary>The address, null where configuration gives it. A Url in configuration replaces it.</summary>
    public ListenAddress? Address { get; private set; }

    /// <summary>Whether the endpoint is left out when nothing gives it an address.</summary>
    public bool Optional { get; set; }

    /// <exception cref="InvalidOperationException">The endpoint has an address.</exception>
    public void Listen(ListenAddress address, Action<ListenOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(address);

        if (Address is not null)
        {
            throw new InvalidOperationException($"Endpoint '{Name}' is there twice; the names of endpoints are unique without regard to case.");
        }

        Address = address;
        AddConfigure(configure);
    }

    public void AddConfigure(Action<ListenOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);

        _configure += configure;
    }

    public void Configure(ListenOptions listenOptions) => _configure?.Invoke(listenOptions);

    public static ListenAddress ParseAddress(string name, string address) => Parse(name, address, ListenAddress.Parse);

    public static ListenAddress ParsePort(string name, int port) => Parse(name, port, ListenAddress.Parse);

    private static ListenAddress Parse<T>(string name, T address, Func<T, ListenAddress> parse)
    {
        try
        {
            return parse(address);
        }
        catch (ArgumentException exception)
        {
            throw new ArgumentException($"Endpoint '{name}': {exception.Message}", nameof(address), exception);
        }
    }
}
