using System.Net;

namespace KestrelSocketServer.Addresses;

internal static class IPAddressExtensions
{
    /// <summary>Whether it stands for all addresses of the machine.</summary>
    public static bool IsAny(this IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
