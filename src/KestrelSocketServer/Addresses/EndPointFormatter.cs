using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Addresses;

internal static class EndPointFormatter
{
    /// <summary>
    /// Prints an end point as <c>ip:port</c>, IPv6 in brackets. An IPv4 peer of a dual-mode socket is printed as plain IPv4
    /// (row A16).
    /// </summary>
    public static string? Format(EndPoint? endPoint) => endPoint switch
    {
        null => null,
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } ip => new IPEndPoint(ip.Address.MapToIPv4(), ip.Port).ToString(),
        UnixDomainSocketEndPoint { AddressFamily: AddressFamily.Unix } unix => unix.ToString() is { Length: > 0 } path ? path : null,
        _ => endPoint.ToString(),
    };
}
