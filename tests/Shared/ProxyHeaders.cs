using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace KestrelSocketServer.TestSupport;

/// <summary>Writes PROXY headers as the protocol describes them, byte by byte and without the library.</summary>
public static class ProxyHeaders
{
    public const byte Local = 0x20;
    public const byte Proxy = 0x21;
    public const byte Unspecified = 0x00;
    public const byte Tcp4 = 0x11;
    public const byte Tcp6 = 0x21;
    public const byte UnixStream = 0x31;

    /// <summary>A header of version 1.</summary>
    public static byte[] Text(string rest) => Encoding.ASCII.GetBytes($"PROXY {rest}\r\n");

    public static byte[] Text(IPEndPoint source, IPEndPoint destination)
        => Text($"{(source.Address.GetAddressBytes().Length == 4 ? "TCP4" : "TCP6")} {source.Address} {destination.Address} {source.Port} {destination.Port}");

    /// <summary>A header of version 2.</summary>
    /// <param name="command">The version and the command.</param>
    /// <param name="family">The family and the protocol.</param>
    /// <param name="addresses">The addresses.</param>
    /// <param name="tlvs">What follows them.</param>
    public static byte[] Binary(byte command, byte family, byte[] addresses, params byte[][] tlvs)
    {
        byte[] rest = [.. addresses, .. tlvs.SelectMany(tlv => tlv)];
        return [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family, (byte)(rest.Length >> 8), (byte)rest.Length, .. rest];
    }

    public static byte[] Binary(IPEndPoint source, IPEndPoint destination, params byte[][] tlvs)
        => Binary(Proxy, source.Address.GetAddressBytes().Length == 4 ? Tcp4 : Tcp6, Addresses(source, destination), tlvs);

    public static byte[] Addresses(IPEndPoint source, IPEndPoint destination) =>
    [
        .. source.Address.GetAddressBytes(), .. destination.Address.GetAddressBytes(),
        (byte)(source.Port >> 8), (byte)source.Port, (byte)(destination.Port >> 8), (byte)destination.Port,
    ];

    public static byte[] UnixAddresses(string source, string destination) => [.. UnixPath(source), .. UnixPath(destination)];

    public static byte[] Tlv(byte type, params byte[] value) => [type, (byte)(value.Length >> 8), (byte)value.Length, .. value];

    public static byte[] Tlv(byte type, string value) => Tlv(type, Encoding.UTF8.GetBytes(value));

    /// <summary>Adds the checksum of the whole as the last value.</summary>
    public static byte[] WithChecksum(byte[] header)
    {
        byte[] whole = [.. header, .. Tlv(0x03, 0, 0, 0, 0)];
        BinaryPrimitives.WriteUInt16BigEndian(whole.AsSpan(14), (ushort)(whole.Length - 16));
        BinaryPrimitives.WriteUInt32BigEndian(whole.AsSpan(whole.Length - 4), Crc32C(whole));
        return whole;
    }

    private static uint Crc32C(byte[] bytes)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }

    private static byte[] UnixPath(string path)
    {
        byte[] bytes = new byte[108];
        Encoding.UTF8.GetBytes(path, bytes);
        return bytes;
    }
}
