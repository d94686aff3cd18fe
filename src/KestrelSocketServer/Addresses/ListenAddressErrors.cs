using System.Text;

namespace KestrelSocketServer.Addresses;

/// <summary>
/// Says why an address was refused and what to write instead. The parser has refused already: a reason that is missing here
/// only makes the message more general.
/// </summary>
internal static class ListenAddressErrors
{
    public const string AnyPort = "8080";
    public const string PortRange = "a whole number from 0 to 65535";

    /// <summary>One sentence that holds the given address and needs nothing before or after it.</summary>
    public static string Explain(string address) => $"'{PrintableText.From(address)}' {FindReason(address)}";

    private static string FindReason(string address)
    {
        if (string.IsNullOrWhiteSpace(address))
        {
            return "is empty; write a port such as '8080' or an IP address and a port such as '127.0.0.1:8080'";
        }

        if (ListenAddressParser.HasControlCharacter(address))
        {
            return "contains a control character; remove it";
        }

        var scheme = ListenAddressParser.SplitScheme(address, out var rest);
        if (char.IsWhiteSpace(address[0]) || char.IsWhiteSpace(address[^1])
            || (scheme != ListenAddressParser.Unix && address.Any(char.IsWhiteSpace)))
        {
            return "contains white space; remove it";
        }

        return scheme switch
        {
            null => "has an unknown scheme; the schemes allowed are 'tcp', 'tls', 'unix' and 'fd', as in 'tcp://127.0.0.1:8080'",
            ListenAddressParser.Unix => FindUnixReason(rest),
            ListenAddressParser.Fd => "has no file descriptor; write a whole number from 0 to 2147483647, as in 'fd://3'",
            _ when rest.Length == address.Length => FindBareReason(rest),
            _ => ListenAddressIPErrors.FindIPReason($"{scheme}://", rest),
        };
    }

    private static string FindUnixReason(ReadOnlySpan<char> path)
    {
        if (path is not ['/', ..])
        {
            return "has no absolute path; write three slashes, as in 'unix:///run/app.sock'";
        }

        if (path[^1] == '/')
        {
            return "names a directory; write the path of a socket, as in 'unix:///run/app.sock'";
        }

        var bytes = Encoding.UTF8.GetByteCount(path);
        return bytes > ListenAddressParser.MaxUnixPathBytes
            ? $"has a path of {bytes} bytes in UTF-8; at most {ListenAddressParser.MaxUnixPathBytes} are allowed"
            : "has a path that is not well-formed Unicode";
    }

    private static string FindBareReason(ReadOnlySpan<char> text)
    {
        if (!text.ContainsAny(".:[") && (char.IsNumber(text[0]) || text[0] is '+' or '-'))
        {
            return $"is not a port; write {PortRange}";
        }

        if (text is ['/', '/', ..])
        {
            return $"has no scheme before '//'; write it as in '{ExampleOf(ListenAddressParser.Tcp)}'";
        }

        if (text[0] == '/')
        {
            return $"has no scheme; write a Unix domain socket as in '{ExampleOf(ListenAddressParser.Unix)}'";
        }

        // An IPv6 address may begin as a scheme does: 'fd::1'.
        var colon = text.IndexOf(':');
        return colon > 0 && ListenAddressParser.FindScheme(text[..colon]) is { } scheme && ListenAddressIPErrors.FindBareIPv6Reason("", text) is null
            ? $"has no '//' after its scheme; write it as in '{ExampleOf(scheme)}'"
            : ListenAddressIPErrors.FindIPReason("", text);
    }

    private static string ExampleOf(string scheme) => scheme switch
    {
        ListenAddressParser.Unix => "unix:///run/app.sock",
        ListenAddressParser.Fd => "fd://3",
        _ => $"{scheme}://127.0.0.1:{AnyPort}",
    };
}
