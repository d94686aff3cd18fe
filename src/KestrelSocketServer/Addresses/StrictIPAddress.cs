using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Addresses;

/// <summary>
/// IP addresses in their usual notation only. <see cref="IPAddress.TryParse(ReadOnlySpan{char}, out IPAddress?)"/> alone would
/// also take octal, hexadecimal and short IPv4 forms, and ports, prefixes and names of interfaces with IPv6.
/// </summary>
internal static class StrictIPAddress
{
    /// <summary>Parses the host of an address: IPv4, or IPv6 in brackets.</summary>
    public static bool TryParseHost(ReadOnlySpan<char> host, [NotNullWhen(true)] out IPAddress? address) =>
        host is ['[', .. var inner, ']'] ? TryParseIPv6(inner, out address) : TryParseIPv4(host, out address);

    /// <summary>Parses four decimal numbers from 0 to 255 without leading zeros.</summary>
    public static bool TryParseIPv4(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        return IsIPv4(text) && IPAddress.TryParse(text, out address);
    }

    /// <summary>Parses IPv6 without brackets; a link-local address may have a zone, which is the number of an interface.</summary>
    public static bool TryParseIPv6(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        var percent = text.IndexOf('%');
        if (percent < 0)
        {
            return TryParseIPv6WithoutZone(text, out address);
        }

        // Elsewhere than on link-local addresses the system ignores the zone, and what has no effect hides mistakes.
        if (!TryParseIPv6WithoutZone(text[..percent], out address)
            || !address.IsIPv6LinkLocal
            || !ListenAddressParser.TryParseNumber(text[(percent + 1)..], maxDigits: 10, out var zone)
            || zone == 0)
        {
            address = null;
            return false;
        }

        address.ScopeId = zone;
        return true;
    }

    private static bool TryParseIPv6WithoutZone(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        foreach (var character in text)
        {
            if (!char.IsAsciiHexDigit(character) && character is not (':' or '.'))
            {
                return false;
            }
        }

        var last = text[(text.LastIndexOf(':') + 1)..];
        return (!last.Contains('.') || IsIPv4(last))
            && IPAddress.TryParse(text, out address)
            && address.AddressFamily == AddressFamily.InterNetworkV6;
    }

    private static bool IsIPv4(ReadOnlySpan<char> text)
    {
        Span<Range> parts = stackalloc Range[5];
        if (text.Split(parts, '.') != 4)
        {
            return false;
        }

        foreach (var part in parts[..4])
        {
            var digits = text[part];
            if (digits is ['0', _, ..] || !ListenAddressParser.TryParseNumber(digits, maxDigits: 3, out var number) || number > byte.MaxValue)
            {
                return false;
            }
        }

        return true;
    }
}
