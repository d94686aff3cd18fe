namespace KestrelSocketServer.Gate;

/// <summary>What the reasons to refuse a client are called.</summary>
internal static class RefusalReasons
{
    /// <summary>How many there are.</summary>
    public static readonly int Count = Enum.GetValues<RefusalReason>().Length;

    /// <summary>Numbers the reasons, those of dry runs behind the others.</summary>
    public static int IndexOf(RefusalReason reason, bool isDryRun) => (int)reason + (isDryRun ? Count : 0);

    /// <summary>The reason in metrics.</summary>
    public static string NameOf(RefusalReason reason) => reason switch
    {
        RefusalReason.Denied => "denied",
        RefusalReason.NotAllowed => "not_allowed",
        RefusalReason.Connections => "connections",
        RefusalReason.ConnectionsPerAddress => "connections_per_address",
        RefusalReason.Rate => "rate",
        RefusalReason.RatePerAddress => "rate_per_address",
        _ => "handshakes",
    };

    /// <summary>The option that is the reason.</summary>
    public static string OptionOf(RefusalReason reason) => reason switch
    {
        RefusalReason.Denied => nameof(SocketAccessOptions.Deny),
        RefusalReason.NotAllowed => nameof(SocketAccessOptions.Allow),
        RefusalReason.Connections => nameof(SocketConnectionOptions.MaxConcurrentConnections),
        RefusalReason.ConnectionsPerAddress => nameof(SocketConnectionOptions.MaxConnectionsPerAddress),
        RefusalReason.Rate => nameof(SocketConnectionOptions.ConnectionsPerSecond),
        RefusalReason.RatePerAddress => nameof(SocketConnectionOptions.ConnectionsPerSecondPerAddress),
        _ => nameof(SocketConnectionOptions.MaxConcurrentHandshakes),
    };
}
