using System.Net;
using System.Net.Sockets;
using System.Text;
using KestrelSocketServer.Addresses;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>A header of version 1: a line such as <c>PROXY TCP4 192.0.2.7 192.0.2.1 51234 443</c>.</summary>
internal static class TextProxyHeader
{
    /// <summary>With the end of the line, as the protocol has it.</summary>
    public const int MaxLength = 107;

    private const int FieldCount = 6;

    public static ReadOnlySpan<byte> Signature => "PROXY "u8;

    public static ProxyHeaderResult Parse(ReadOnlySpan<byte> received)
    {
        ReadOnlySpan<byte> beginning = received[..Math.Min(received.Length, MaxLength)];
        int end = beginning.IndexOf("\r\n"u8);
        if (end < 0)
        {
            return beginning.Length < MaxLength ? ProxyHeaderResult.NeedsMore : ProxyHeaderResult.TooLong(1, MaxLength);
        }

        Span<char> line = stackalloc char[MaxLength];
        line = line[..Encoding.Latin1.GetChars(beginning[..end], line)];
        int length = end + 2;

        Span<Range> ranges = stackalloc Range[FieldCount + 1];
        int count = ((ReadOnlySpan<char>)line).Split(ranges, ' ');
        ReadOnlySpan<char> protocol = line[ranges[1]];
        if (protocol is "UNKNOWN")
        {
            // What follows is to be ignored.
            return ProxyHeaderResult.Found(new ProxyHeader(1, length));
        }

        AddressFamily family = protocol switch
        {
            "TCP4" => AddressFamily.InterNetwork,
            "TCP6" => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unknown,
        };
        if (family == AddressFamily.Unknown)
        {
            return ProxyHeaderResult.Malformed("its protocol is none of TCP4, TCP6 and UNKNOWN");
        }

        if (count != FieldCount)
        {
            return ProxyHeaderResult.Malformed("after the protocol there are not two addresses and two ports");
        }

        if (!TryParse(family, line[ranges[2]], line[ranges[4]], out IPEndPoint? source))
        {
            return ProxyHeaderResult.Malformed("the address or the port of the client is none");
        }

        return TryParse(family, line[ranges[3]], line[ranges[5]], out IPEndPoint? destination)
            ? ProxyHeaderResult.Found(new ProxyHeader(1, length) { Source = source, Destination = destination })
            : ProxyHeaderResult.Malformed("the address or the port of the destination is none");
    }

    private static bool TryParse(AddressFamily family, ReadOnlySpan<char> host, ReadOnlySpan<char> portText, out IPEndPoint? endPoint)
    {
        bool isAddress = family == AddressFamily.InterNetwork
            ? StrictIPAddress.TryParseIPv4(host, out IPAddress? address)
            : StrictIPAddress.TryParseIPv6(host, out address) && !host.Contains('%');
        bool isValid = isAddress & (ListenAddressParser.TryParsePort(portText, out int port) && portText is not ['0', _, ..]);
        endPoint = isValid ? new IPEndPoint(address!, port) : null;
        return isValid;
    }
}
