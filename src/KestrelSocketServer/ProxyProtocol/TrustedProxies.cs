using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Gate;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>Who is believed to be a proxy.</summary>
internal sealed class TrustedProxies
{
    /// <summary>Stands for all that comes by a Unix domain socket.</summary>
    public const string Unix = "unix";

    private readonly bool _hasUnix;

    /// <param name="texts">Addresses, networks and <see cref="Unix"/>; all of them valid.</param>
    public TrustedProxies(IEnumerable<string> texts)
    {
        string[] all = [.. texts];
        _hasUnix = all.Any(IsUnix);
        Networks = NetworkList.Parse(all.Where(text => !IsUnix(text)));
    }

    /// <summary>Those that have IP addresses; null for none.</summary>
    public NetworkList? Networks { get; }

    public bool Contains(ConnectionContext connection) => connection.RemoteEndPoint is IPEndPoint remote
        ? Contains(remote.Address)
        : _hasUnix && connection.LocalEndPoint is UnixDomainSocketEndPoint;

    public bool Contains(IPAddress address) => Networks?.Contains(AddressKey.From(address)) == true;

    public static bool IsUnix(string text) => text.Equals(Unix, StringComparison.OrdinalIgnoreCase);

    /// <summary>What is wrong with an entry, null when nothing is.</summary>
    public static string? FindFault(string text) => IsUnix(text) || NetworkList.TryParse(text, out _, out _)
        ? null
        : $"'{text}' is no proxy; write an IP address such as 10.0.0.5 or 2001:db8::5, a network such as 10.0.0.0/8 whose bits after the "
            + $"prefix are zero, or {Unix}";
}
