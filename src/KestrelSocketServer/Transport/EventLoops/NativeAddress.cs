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
    private const int IPv4Length = 8;
    private const int IPv6Length = 28;

    /// <summary>The end point, null where the family is none of IP's.</summary>
    public static IPEndPoint? Read(ReadOnlySpan<byte> address)
    {
        ushort family = address.Length < sizeof(ushort) ? (ushort)0 : BitConverter.ToUInt16(address);
        if (family == IPv4Family && address.Length >= IPv4Length)
        {
            return new IPEndPoint(new IPAddress(address[4..8]), BinaryPrimitives.ReadUInt16BigEndian(address[2..]));
        }

        return family == IPv6Family && address.Length >= IPv6Length
            ? new IPEndPoint(new IPAddress(address[8..24], BitConverter.ToUInt32(address[24..28])), BinaryPrimitives.ReadUInt16BigEndian(address[2..]))
            : null;
    }
}
