using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>A header of version 2: a signature, the command, the family, the length of the rest, addresses, and type-length-values.</summary>
internal static class BinaryProxyHeader
{
    /// <summary>The bytes before the addresses.</summary>
    public const int FixedLength = 16;

    /// <summary>Room for a client's certificate among the values; the protocol itself would allow 64 KiB.</summary>
    public const int MaxLength = 16 * 1024;

    private const int UnixPathLength = 108;

    private static readonly UnixDomainSocketEndPoint AnyUnix = new("/");

    public static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <param name="received">At least as many bytes as <see cref="FixedLength"/>.</param>
    public static ProxyHeaderResult Parse(ReadOnlySpan<byte> received)
    {
        int version = received[12] >> 4;
        int command = received[12] & 0xf;
        int length = FixedLength + BinaryPrimitives.ReadUInt16BigEndian(received[14..]);
        if (version != 2)
        {
            return ProxyHeaderResult.Malformed($"its version is {version} rather than 2");
        }

        if (command > 1)
        {
            return ProxyHeaderResult.Malformed($"its command is {command}, which is neither LOCAL nor PROXY");
        }

        if (length > MaxLength)
        {
            return ProxyHeaderResult.TooLong(2, MaxLength);
        }

        if (received.Length < length)
        {
            return ProxyHeaderResult.NeedsMore;
        }

        // Of LOCAL all the rest is to be ignored.
        return command == 0
            ? ProxyHeaderResult.Found(new ProxyHeader(2, length) { IsLocal = true })
            : ParseProxied(received[..length]);
    }

    private static ProxyHeaderResult ParseProxied(ReadOnlySpan<byte> header)
    {
        int family = header[13] >> 4;
        int protocol = header[13] & 0xf;
        if (family > 3 || protocol > 2)
        {
            return ProxyHeaderResult.Malformed($"its family and protocol, 0x{header[13]:x2}, are not known");
        }

        // Either unspecified: there are no addresses.
        int addressLength = protocol == 0 ? 0 : family switch { 1 => 4, 2 => 16, 3 => UnixPathLength, _ => 0 };
        int portLength = addressLength is 4 or 16 ? 2 : 0;
        int tlvStart = FixedLength + (2 * (addressLength + portLength));
        if (header.Length < tlvStart)
        {
            return ProxyHeaderResult.Malformed("it ends before its addresses do");
        }

        if (ProxyTlvParser.Parse(header, tlvStart, out IReadOnlyList<ProxyProtocolTlv> tlvs, out ProxyProtocolTls? tls) is { } fault)
        {
            return ProxyHeaderResult.Malformed(fault);
        }

        var found = new ProxyHeader(2, header.Length) { Tlvs = tlvs, Tls = tls };
        ReadOnlySpan<byte> addresses = header[FixedLength..tlvStart];
        return ProxyHeaderResult.Found(addressLength switch
        {
            0 => found,
            UnixPathLength => found with
            {
                Source = ReadUnix(addresses[..UnixPathLength]),
                Destination = ReadUnix(addresses[UnixPathLength..]),
            },
            _ => found with
            {
                Source = ReadIP(addresses[..addressLength], addresses[^4..^2]),
                Destination = ReadIP(addresses[addressLength..^4], addresses[^2..]),
            },
        });
    }

    private static IPEndPoint ReadIP(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port)
        => new(new IPAddress(address), BinaryPrimitives.ReadUInt16BigEndian(port));

    // As the system has it, where the name of a client is empty and an abstract one begins with zero.
    private static EndPoint ReadUnix(ReadOnlySpan<byte> path)
    {
        int length = path[0] == 0 ? path.LastIndexOfAnyExcept((byte)0) + 1 : path.IndexOf((byte)0);
        path = length < 0 ? path : path[..length];
        var address = new SocketAddress(AddressFamily.Unix, 2 + path.Length);
        for (int i = 0; i < path.Length; i++)
        {
            address[2 + i] = path[i];
        }

        return AnyUnix.Create(address);
    }
}
