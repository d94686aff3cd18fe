using System.Globalization;

namespace KestrelSocketServer;

/// <summary>A key that configuration may have, with what its value may be.</summary>
/// <param name="Path">The path below the section that it belongs to, for example <c>Socket:Backlog</c>.</param>
/// <param name="Check">Gives what is wrong with a value, null when nothing is.</param>
internal sealed record ConfigurationKey(string Path, Func<string, string?> Check)
{
    /// <summary>The keys of an endpoint.</summary>
    public static IReadOnlyList<ConfigurationKey> OfEndpoint { get; } =
    [
        new("Url", Url),
        new("Enabled", Boolean),
        new("Optional", Boolean),
        new("Socket:Backlog", Number(1, int.MaxValue)),
        new("Socket:ReusePort", Boolean),
        new("Socket:IPv6Only", Boolean),
        new("Socket:NoDelay", Boolean),
        new("Socket:KeepAliveTime", Time(TimeSpan.FromSeconds(1))),
        new("Socket:KeepAliveInterval", Time(TimeSpan.FromSeconds(1))),
        new("Socket:KeepAliveRetryCount", Number(1, int.MaxValue)),
        new("Limits:WriteBufferSoftLimit", Number(1, long.MaxValue)),
        new("Limits:WriteBufferHardLimit", Number(1, long.MaxValue)),
        new("Limits:AllowHalfOpen", Boolean),
    ];

    /// <summary>The keys beside the endpoints.</summary>
    public static IReadOnlyList<ConfigurationKey> OfServer { get; } = [new("ShutdownTimeout", Time(TimeSpan.Zero))];

    private static string? Url(string value) => ListenAddress.TryParse(value, out _) ? null : ListenAddressErrors.Explain(value);

    private static string? Boolean(string value) => bool.TryParse(value, out _) ? null : $"'{value}' is not a switch; write true or false";

    private static Func<string, string?> Number(long least, long most) => value =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most
            ? null
            : $"'{value}' is not allowed; write a whole number from {least} to {most}";

    private static Func<string, string?> Time(TimeSpan least) => value =>
        TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out TimeSpan time) && time >= least
            ? null
            : $"'{value}' is not allowed; write a time of at least {least}, as hours:minutes:seconds";
}
