using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Addresses;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>Who is believed to be a proxy.</summary>
internal sealed class TrustedProxies
{
    /// <summary>Stands for all that comes by a Unix domain socket.</summary>
    public const string Unix = "unix";

    private readonly IPNetwork[] _networks;
    private readonly bool _hasUnix;

    /// <param name="texts">Addresses, networks and <see cref="Unix"/>; all of them valid.</param>
    public TrustedProxies(IEnumerable<string> texts)
    {
        string[] all = [.. texts];
        _hasUnix = all.Any(IsUnix);
        _networks = [.. all.Where(text => !IsUnix(text)).Select(text => TryParse(text, out IPNetwork network)
            ? network
            : throw new ArgumentException(FindFault(text), nameof(texts)))];
    }

    public bool Contains(ConnectionContext connection) => connection.RemoteEndPoint is IPEndPoint remote
        ? Contains(remote.Address)
        : _hasUnix && connection.LocalEndPoint is UnixDomainSocketEndPoint;

    public bool Contains(IPAddress address)
    {
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        foreach (IPNetwork network in _networks)
        {
            if (network.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    public static bool IsUnix(string text) => text.Equals(Unix, StringComparison.OrdinalIgnoreCase);

    /// <summary>What is wrong with an entry, null when nothing is.</summary>
    public static string? FindFault(string text) => IsUnix(text) || TryParse(text, out _)
        ? null
        : $"'{text}' is no proxy; write an IP address such as 10.0.0.5 or 2001:db8::5, a network such as 10.0.0.0/8 whose bits after the "
            + $"prefix are zero, or {Unix}";

    // An IPv4-mapped address would match nobody, as those are taken for IPv4.
    private static bool TryParse(string text, out IPNetwork network)
    {
        network = default;
        ReadOnlySpan<char> host = text;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0)
        {
            host = host[..slash];
        }

        if (host.Contains('%')
            || (!StrictIPAddress.TryParseIPv4(host, out IPAddress? address) && !StrictIPAddress.TryParseIPv6(host, out address))
            || address.IsIPv4MappedToIPv6)
        {
            return false;
        }

        int bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        int length = bits;
        return (slash < 0 || ListenAddressParser.TryParseNumber(text.AsSpan(slash + 1), maxDigits: 3, out length))
            && length <= bits
            && IPNetwork.TryParse($"{address}/{length}", out network)
            && network.BaseAddress.Equals(address);
    }
}
