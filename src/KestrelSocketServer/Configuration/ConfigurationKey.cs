using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Gate;
using KestrelSocketServer.ProxyProtocol;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Configuration;

namespace KestrelSocketServer.Configuration;

/// <summary>A key that configuration may have, with what its value may be.</summary>
/// <param name="Path">The path below the section that it belongs to, for example <c>Socket:Backlog</c>.</param>
/// <param name="Check">Gives what is wrong with a value, null when nothing is.</param>
/// <param name="NewPath">The path that is to be written instead of an earlier one, which goes on working.</param>
internal sealed record ConfigurationKey(string Path, Func<string, string?> Check, string? NewPath = null)
{
    /// <summary>The keys of an endpoint.</summary>
    public static IReadOnlyList<ConfigurationKey> OfEndpoint { get; } =
    [
        new("Url", Url),
        new("Enabled", Boolean),
        new("Optional", Boolean),
        new("Socket:Backlog", Number(1, int.MaxValue)),
        new("Socket:ReusePort", Boolean),
        new("Socket:AcceptorPerLoop", Boolean),
        new("Socket:IPv6Only", Boolean),
        new("Socket:NoDelay", Boolean),
        new("Socket:KeepAliveTime", Time(TimeSpan.FromSeconds(1))),
        new("Socket:KeepAliveInterval", Time(TimeSpan.FromSeconds(1))),
        new("Socket:KeepAliveRetryCount", Number(1, int.MaxValue)),
        new("Socket:UserTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("ProxyProtocol:Mode", Name(ProxyProtocolMode.Off, ProxyProtocolMode.Allow, ProxyProtocolMode.Require)),
        new("ProxyProtocol:TrustedProxies:*", TrustedProxies.FindFault),
        new("ProxyProtocol:HeaderTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("AllowHalfOpen", Boolean),
        new("Limits:WriteBufferSoftLimit", Number(1, long.MaxValue)),
        new("Limits:WriteBufferHardLimit", Number(1, long.MaxValue)),
        new("Limits:AllowHalfOpen", Boolean, NewPath: "AllowHalfOpen"),
        new("Limits:IdleTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("Limits:MaxConcurrentConnections", Number(1, int.MaxValue)),
        new("Limits:WhenFull", Name(Enum.GetValues<SocketWhenFull>())),
        new("Limits:RefusalMessage", _ => null),
        new("Limits:MaxConnectionsPerAddress", Number(1, int.MaxValue)),
        new("Limits:AddressPrefixLength", Number(1, 128)),
        new("Limits:ConnectionsPerSecond", Rate),
        new("Limits:ConnectionsPerSecondBurst", Number(1, int.MaxValue)),
        new("Limits:ConnectionsPerSecondPerAddress", Rate),
        new("Limits:ConnectionsPerSecondPerAddressBurst", Number(1, int.MaxValue)),
        new("Limits:MaxConcurrentHandshakes", Number(1, int.MaxValue)),
        new("Limits:DryRun", Boolean),
        new("Access:Allow:*", Network),
        new("Access:Deny:*", Network),
        new("Limits:FirstByteTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("Limits:ReadTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("Limits:WriteTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("Limits:HalfClosedTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("Limits:MaxConnectionAge", Time(TimeSpan.FromMilliseconds(1))),
        new("Limits:MaxConnectionAgeJitter", Share),
        new("Limits:MaxConnectionAgeGrace", Time(TimeSpan.Zero)),
        new("Limits:MessageTimeout", Time(TimeSpan.FromMilliseconds(1))),
        .. OfCertificate("Certificate"),
        .. OfCertificate("Sni:*:Certificate"),
        new("KeepLastGoodCertificate", Boolean),
        new("SslProtocols:*", Name<SslProtocols>(SslProtocols.Tls12, SslProtocols.Tls13)),
        new("CipherSuites:*", Name<TlsCipherSuite>(TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)),
        new("ApplicationProtocols:*", Text),
        new("ClientCertificateMode", Name(ClientCertificateMode.NoCertificate, ClientCertificateMode.AllowCertificate, ClientCertificateMode.RequireCertificate, ClientCertificateMode.DelayCertificate)),
        new("ClientCertificateAuthorities", Text),
        new("AllowSelfSignedClientCertificates", Boolean),
        new("CheckClientCertificateRevocation", Boolean),
        new("HandshakeTimeout", Time(TimeSpan.FromMilliseconds(1))),
        new("RequireCloseNotify", Boolean),
    ];

    /// <summary>The keys beside the endpoints.</summary>
    public static IReadOnlyList<ConfigurationKey> OfServer { get; } =
    [
        new("ShutdownTimeout", Time(TimeSpan.Zero)),
        new("Limits:MaxUnsentBytes", Number(1, long.MaxValue)),
        new("Transport:Driver", Name(SocketTransportDriver.EventLoop, SocketTransportDriver.Socket)),
        new("Transport:EventLoopCount", Number(1, int.MaxValue)),
        new("Transport:BlockingLimit", Time(TimeSpan.FromMilliseconds(1))),
        new("Transport:RunHandlersOnThreadPool", Boolean),
    ];

    /// <summary>Whether all known keys of a section have values that are allowed.</summary>
    public static bool AreAllowed(IReadOnlyList<ConfigurationKey> keys, IConfigurationSection section, string path) => section.GetChildren().All(
        child => keys.FirstOrDefault(key => key.Matches($"{path}:{child.Key}"))?.FindFault(child) is null);

    /// <summary>What is wrong with the value, null when nothing is. A value of null is none, as though the key were left out.</summary>
    public string? FindFault(IConfigurationSection section)
        => section.Exists() || Path.EndsWith(":*", StringComparison.Ordinal) ? Check(section.Value ?? "") : null;

    /// <summary>Whether the key stands for a path; <c>*</c> in it stands for any name.</summary>
    public bool Matches(string path) => Covers(path.Split(':'), whole: true);

    /// <summary>Whether the key is below a path.</summary>
    public bool IsBelow(string path) => Covers(path.Split(':'), whole: false);

    /// <summary>The path to write instead of one that the key stands for; the same where it has no new one.</summary>
    public string Rename(string path)
    {
        if (NewPath is null)
        {
            return path;
        }

        // The names that * stands for are the same, and in the same places.
        string[] names = path.Split(':');
        return string.Join(':', NewPath.Split(':').Select((name, i) => name == "*" ? names[i] : name));
    }

    private bool Covers(string[] names, bool whole)
    {
        string[] pattern = Path.Split(':');
        return (whole ? pattern.Length == names.Length : pattern.Length > names.Length)
            && names.Zip(pattern).All(pair => pair.Second == "*" || pair.First.Equals(pair.Second, StringComparison.OrdinalIgnoreCase));
    }

    private static IEnumerable<ConfigurationKey> OfCertificate(string path) =>
    [
        new($"{path}:Path", Text),
        new($"{path}:KeyPath", Text),
        new($"{path}:Passphrase", _ => null),
        new($"{path}:Password", _ => null, NewPath: $"{path}:Passphrase"),
        new($"{path}:Subject", Text),
        new($"{path}:Store", Name(Enum.GetValues<StoreName>())),
        new($"{path}:Location", Name(Enum.GetValues<StoreLocation>())),
        new($"{path}:AllowInvalid", Boolean),
    ];

    private static string? Text(string value) => string.IsNullOrWhiteSpace(value) ? "is empty; write a value, or leave the key out" : null;

    private static Func<string, string?> Name<T>(params T[] examples)
        where T : struct, Enum
        => value => Enum.TryParse(value, ignoreCase: true, out T name) && Enum.IsDefined(name) && !char.IsAsciiDigit(value[0])
            ? null
            : $"'{value}' is not known; write a name such as {string.Join(", ", examples)}";

    private static string? Url(string value) => ListenAddress.TryParse(value, out _) ? null : ListenAddressErrors.Explain(value);

    private static string? Boolean(string value) => bool.TryParse(value, out _) ? null : $"'{value}' is not a switch; write true or false";

    private static Func<string, string?> Number(long least, long most) => value =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most
            ? null
            : $"'{value}' is not allowed; write a whole number from {least} to {most}";

    private static string? Rate(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double rate) && rate is > 0 and <= SocketConnectionOptions.MaxRate
            ? null
            : $"'{value}' is not allowed; write a number of more than 0, up to {SocketConnectionOptions.MaxRate:0}, such as 100 or 0.5";

    private static string? Network(string value) => NetworkList.TryParse(value, out _, out string? fault) ? null : fault;

    private static string? Share(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double share) && share is >= 0 and <= 1
            ? null
            : $"'{value}' is not allowed; write a share from 0 to 1, such as 0.1";

    private static Func<string, string?> Time(TimeSpan least) => value =>
        TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out TimeSpan time) && time >= least
            ? null
            : $"'{value}' is not allowed; write a time of at least {least}, as hours:minutes:seconds";
}
