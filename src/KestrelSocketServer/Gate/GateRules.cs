using System.Text;

namespace KestrelSocketServer.Gate;

/// <summary>Whom the gate of an endpoint lets in. It never changes: a change of the options makes another one.</summary>
internal sealed record GateRules
{
    /// <summary>How many connections the endpoint may have.</summary>
    public int MaxConnections { get; init; } = int.MaxValue;

    /// <summary>Whether clients wait, rather than be refused, while it has that many.</summary>
    public bool Waits { get; init; }

    /// <summary>How many connections an address may have.</summary>
    public int MaxConnectionsPerAddress { get; init; } = int.MaxValue;

    /// <summary>How much of an IPv6 address is the address of a client.</summary>
    public int IPv6PrefixLength { get; init; } = 64;

    /// <summary>How often clients may come.</summary>
    public Rate Rate { get; init; }

    /// <summary>How often they may come from an address.</summary>
    public Rate RatePerAddress { get; init; }

    /// <summary>Who alone may come; null for anybody.</summary>
    public NetworkList? Allow { get; init; }

    /// <summary>Who may not come, whatever is allowed; null for nobody.</summary>
    public NetworkList? Deny { get; init; }

    /// <summary>
    /// Who passes on the connections of others, and will say whose they are: what looks at the address does so when that is known. Null for
    /// nobody.
    /// </summary>
    public NetworkList? Proxies { get; init; }

    /// <summary>How many TLS handshakes may be under way.</summary>
    public int MaxHandshakes { get; init; } = int.MaxValue;

    /// <summary>What refused clients are sent; empty for nothing.</summary>
    public byte[] Goodbye { get; init; } = [];

    /// <summary>Whether nobody is refused, and it is only counted who would be.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Whether there is a limit on connections or their rates.</summary>
    public bool LimitsConnections
        => MaxConnections != int.MaxValue || MaxConnectionsPerAddress != int.MaxValue || Rate.IsLimited || RatePerAddress.IsLimited;

    /// <summary>Makes the rules of an endpoint.</summary>
    /// <param name="options">Its limits, which are valid.</param>
    /// <param name="allow">Who alone may come, null for anybody.</param>
    /// <param name="deny">Who may not come, null for nobody.</param>
    /// <param name="isPlain">Whether refused clients can read what they are sent.</param>
    /// <param name="timeProvider">The clock of the rates.</param>
    public static GateRules From(SocketConnectionOptions options, NetworkList? allow, NetworkList? deny, bool isPlain, TimeProvider timeProvider) => new()
    {
        MaxConnections = options.MaxConcurrentConnections ?? int.MaxValue,
        Waits = options.WhenFull == SocketWhenFull.Wait,
        MaxConnectionsPerAddress = options.MaxConnectionsPerAddress ?? int.MaxValue,
        IPv6PrefixLength = options.AddressPrefixLength,
        Rate = Rate.From(options.ConnectionsPerSecond, options.ConnectionsPerSecondBurst, timeProvider),
        RatePerAddress = Rate.From(options.ConnectionsPerSecondPerAddress, options.ConnectionsPerSecondPerAddressBurst, timeProvider),
        Allow = allow,
        Deny = deny,
        MaxHandshakes = options.EffectiveMaxConcurrentHandshakes,
        Goodbye = isPlain && options.RefusalMessage is { } message ? Encoding.UTF8.GetBytes(message) : [],
        IsDryRun = options.DryRun,
    };
}
