using System.Buffers.Binary;
using System.Net;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>Reads <c>sockaddr</c>, as Linux has it.</summary>
internal static class NativeAddress
{
    /// <summary>The size of the largest address of any family.</summary>
    public const int MaxLength = 128;

    private const int IPv4Family = 2;
    private const int IPv6Family = 10;
    private const int IPv4Size = 4;
    private const int IPv4Length = 8;
    private const int IPv6Length = 28;

    /// <summary>The end point, null where the family is none of IP's.</summary>
    public static IPEndPoint? Read(ReadOnlySpan<byte> address)
    {
        ReadOnlySpan<byte> ip = ReadIP(address);
        return ip.IsEmpty ? null : new IPEndPoint(
            ip.Length == IPv4Size ? new IPAddress(ip) : new IPAddress(ip, BitConverter.ToUInt32(address[24..28])),
            BinaryPrimitives.ReadUInt16BigEndian(address[2..]));
    }

    /// <summary>The bytes of the IP address, none where the family is none of IP's.</summary>
    public static ReadOnlySpan<byte> ReadIP(ReadOnlySpan<byte> address)
    {
        ushort family = address.Length < sizeof(ushort) ? (ushort)0 : BitConverter.ToUInt16(address);
        return family == IPv4Family && address.Length >= IPv4Length ? address.Slice(4, IPv4Size)
            : family == IPv6Family && address.Length >= IPv6Length ? address[8..24]
            : [];
    }
}
