namespace KestrelSocketServer.Addresses;

/// <summary>The part of <see cref="ListenAddressErrors"/> for an IP address and its port.</summary>
internal static class ListenAddressIPErrors
{
    /// <param name="prefix">The scheme as given, with its separator, or nothing; the examples begin with it.</param>
    /// <param name="text">What follows the prefix.</param>
    public static string FindIPReason(string prefix, ReadOnlySpan<char> text)
    {
        text = ListenAddressParser.WithoutTrailingSlash(text);
        if (text is [] or [':' or '/', not ':', ..] or [':' or '/'])
        {
            return FindMissingHostReason(prefix, PortOf(text));
        }

        if (text.ContainsAny("/\\?#"))
        {
            return "has a path, a query or a fragment; an address ends after its port";
        }

        if (text.Contains('@'))
        {
            return "has user information; an address is only an IP address and a port";
        }

        if (text[0] == '[')
        {
            return FindBracketReason(prefix, text);
        }

        if (text.Count(':') > 1)
        {
            return FindBareIPv6Reason(prefix, text) ?? Malformed(prefix);
        }

        var colon = text.IndexOf(':');
        return colon < 0 ? FindHostReason(prefix, text, "") : FindHostReason(prefix, text[..colon], text[(colon + 1)..]);
    }

    /// <summary>The reason if the text is an IPv6 address whose brackets are missing; it has at least one colon.</summary>
    public static string? FindBareIPv6Reason(string prefix, ReadOnlySpan<char> text)
    {
        var colon = text.LastIndexOf(':');
        var host = text[..colon];
        ReadOnlySpan<char> port = text[(colon + 1)..];
        if (!StrictIPAddress.TryParseIPv6(host, out _) || !ListenAddressParser.TryParsePort(port, out _))
        {
            host = text;
            port = ListenAddressErrors.AnyPort;
        }

        return StrictIPAddress.TryParseIPv6(host, out _)
            ? $"has an IPv6 address without brackets; write '{prefix}[{host}]:{port}'"
            : null;
    }

    private static string FindHostReason(string prefix, ReadOnlySpan<char> host, ReadOnlySpan<char> port)
    {
        if (StrictIPAddress.TryParseIPv4(host, out _))
        {
            return FindPortReason(prefix, host, port);
        }

        var example = PortOf(port);
        if (host is "*" or "+")
        {
            return $"has a wildcard for a host name; write '{prefix}0.0.0.0:{example}' for all IPv4 interfaces or '{prefix}[::]:{example}' for all";
        }

        if (port.IsEmpty && ListenAddressParser.TryParsePort(host, out _))
        {
            return FindMissingHostReason(prefix, host);
        }

        if (char.IsNumber(host[0]) && All(host, static c => char.IsNumber(c) || char.IsAsciiHexDigit(c) || c is '.' or 'x' or 'X'))
        {
            return $"has no valid IPv4 address; write four decimal numbers from 0 to 255 without leading zeros, as in '{prefix}127.0.0.1:{example}'";
        }

        return All(host, static c => char.IsLetterOrDigit(c) || c is '.' or '-' or '_')
            ? $"is a host name; write an IP address such as '{prefix}127.0.0.1:{example}'"
            : Malformed(prefix);
    }

    private static string FindBracketReason(string prefix, ReadOnlySpan<char> text)
    {
        var end = text.LastIndexOf(']');
        if (end < 0)
        {
            return $"has no closing bracket; write it as in '{prefix}[::1]:{ListenAddressErrors.AnyPort}'";
        }

        var inner = text[1..end];
        var after = text[(end + 1)..];
        if (StrictIPAddress.TryParseIPv6(inner, out _))
        {
            return after is [] or [':', ..] ? FindPortReason(prefix, text[..(end + 1)], after.IsEmpty ? after : after[1..]) : Malformed(prefix);
        }

        return inner.Contains('%')
            ? $"has a zone that is not valid; only link-local addresses take one, and it is the number of the interface, as in '{prefix}[fe80::1%2]:{PortOf(after)}'"
            : $"has no valid IPv6 address in its brackets; write it as in '{prefix}[::1]:{PortOf(after)}'";
    }

    private static string FindMissingHostReason(string prefix, ReadOnlySpan<char> port) =>
        $"has no IP address; write '{prefix}127.0.0.1:{port}', or '{prefix}0.0.0.0:{port}' for all IPv4 interfaces";

    private static string FindPortReason(string prefix, ReadOnlySpan<char> host, ReadOnlySpan<char> port) => port.IsEmpty
        ? $"has no port; write one, as in '{prefix}{host}:{ListenAddressErrors.AnyPort}'"
        : $"has no valid port; write {ListenAddressErrors.PortRange}, as in '{prefix}{host}:{ListenAddressErrors.AnyPort}'";

    private static string Malformed(string prefix) =>
        $"is not an address; write an IP address and a port, as in '{prefix}127.0.0.1:{ListenAddressErrors.AnyPort}' or '{prefix}[::1]:{ListenAddressErrors.AnyPort}'";

    /// <summary>The port that stands at the end of the text, for use in an example.</summary>
    private static ReadOnlySpan<char> PortOf(ReadOnlySpan<char> text)
    {
        var port = text[(text.LastIndexOf(':') + 1)..];
        return ListenAddressParser.TryParsePort(port, out _) ? port : ListenAddressErrors.AnyPort;
    }

    private static bool All(ReadOnlySpan<char> text, Func<char, bool> predicate)
    {
        foreach (var character in text)
        {
            if (!predicate(character))
            {
                return false;
            }
        }

        return true;
    }
}
