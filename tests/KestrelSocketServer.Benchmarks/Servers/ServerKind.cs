namespace KestrelSocketServer.Benchmarks;

/// <summary>A server that is compared: a style of echo, and what runs it. One without a style is the limit.</summary>
internal sealed record ServerKind(string Name, EchoStyle? Style, SocketTransportDriver? Driver = null, bool HasTls = false)
{
    public static ServerKind Bare { get; } = Of(EchoStyle.Bare, hasTls: true);

    public static ServerKind Events { get; } = Of(EchoStyle.Events, hasTls: true);

    public static ServerKind Pull { get; } = Of(EchoStyle.Pull, hasTls: true);

    /// <summary>What C# on one thread can do where nothing lies between the sockets and the echo.</summary>
    public static ServerKind Limit { get; } = new("limit", null);

    /// <summary>All of them, bare Kestrel first and the limit last.</summary>
    public static IReadOnlyList<ServerKind> All { get; } =
    [
        Bare,
        Events,
        Of(EchoStyle.Limited),
        Of(EchoStyle.Lines),
        Of(EchoStyle.Pipe),
        Pull,
        Of(EchoStyle.Stream),
        Of(EchoStyle.RawPipe),
        OnSockets(EchoStyle.Events),
        OnSockets(EchoStyle.Pull),
        Limit,
    ];

    public static ServerKind Find(string name) => All.Single(kind => kind.Name == name);

    private static ServerKind Of(EchoStyle style, bool hasTls = false) => new(style.Name, style, HasTls: hasTls);

    private static ServerKind OnSockets(EchoStyle style) => new($"{style.Name} on Socket", style, SocketTransportDriver.Socket);
}
