using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer;

/// <summary>What an endpoint is to be, before it listens.</summary>
internal sealed class EndpointDefinition
{
    public EndpointDefinition(string name, ListenAddress address, Action<ListenOptions> configure)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(configure);

        Name = name;
        Address = address;
        Configure = configure;
    }

    public string Name { get; }

    public ListenAddress Address { get; }

    public Action<ListenOptions> Configure { get; }

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
