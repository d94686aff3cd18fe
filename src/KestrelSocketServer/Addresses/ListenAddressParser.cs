using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Unicode;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Addresses;

/// <summary>The grammar of <see cref="ListenAddress"/>. It only accepts or refuses; <see cref="ListenAddressErrors"/> says why.</summary>
internal static class ListenAddressParser
{
    public const string Tcp = "tcp";
    public const string Tls = "tls";
    public const string Unix = "unix";
    public const string Fd = "fd";

    /// <summary>The room that the system's <c>sockaddr_un</c> leaves for a path and its terminating NUL, less that NUL.</summary>
    public static readonly int MaxUnixPathBytes = OperatingSystem.IsLinux() || OperatingSystem.IsWindows() ? 107 : 103;

    public static ListenAddress? Parse(string address)
    {
        var scheme = SplitScheme(address, out var rest);
        EndPoint? endPoint = scheme switch
        {
            Tcp or Tls => ParseIP(rest),
            Unix => ParseUnixPath(rest),
            Fd => ParseDescriptor(rest),
            _ => null,
        };

        if (endPoint is null && rest.Length == address.Length && TryParsePort(rest, out var port))
        {
            endPoint = new IPEndPoint(IPAddress.Loopback, port);
        }

        return endPoint is null ? null : new ListenAddress(scheme!, endPoint);
    }

    /// <summary>Gives the scheme in lower case, <see cref="Tcp"/> where there is none, null where it is not one of ours.</summary>
    public static string? SplitScheme(string address, out ReadOnlySpan<char> rest)
    {
        const string Separator = "://";
        var separator = address.IndexOf(Separator, StringComparison.Ordinal);
        if (separator < 0)
        {
            rest = address;
            return Tcp;
        }

        rest = address.AsSpan(separator + Separator.Length);
        return FindScheme(address.AsSpan(0, separator));
    }

    public static string? FindScheme(ReadOnlySpan<char> scheme)
    {
        foreach (var known in (ReadOnlySpan<string>)[Tcp, Tls, Unix, Fd])
        {
            if (scheme.Equals(known, StringComparison.OrdinalIgnoreCase))
            {
                return known;
            }
        }

        return null;
    }

    public static bool TryParsePort(ReadOnlySpan<char> text, out int port) =>
        TryParseNumber(text, maxDigits: 5, out port) && port <= IPEndPoint.MaxPort;

    /// <summary>Stricter than the framework's parsing, which also takes NUL characters after the digits.</summary>
    public static bool TryParseNumber(ReadOnlySpan<char> text, int maxDigits, out int number)
    {
        number = 0;
        return text.Length <= maxDigits
            && !text.ContainsAnyExceptInRange('0', '9')
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    public static ReadOnlySpan<char> WithoutTrailingSlash(ReadOnlySpan<char> text) => text is [.. var before, '/'] ? before : text;

    public static bool HasControlCharacter(ReadOnlySpan<char> text) =>
        text.ContainsAnyInRange('\0', '\u001f') || text.ContainsAnyInRange('\u007f', '\u009f');

    private static IPEndPoint? ParseIP(ReadOnlySpan<char> text)
    {
        text = WithoutTrailingSlash(text);
        var colon = text.LastIndexOf(':');
        return colon >= 0 && StrictIPAddress.TryParseHost(text[..colon], out var ip) && TryParsePort(text[(colon + 1)..], out var port)
            ? new IPEndPoint(ip, port)
            : null;
    }

    private static UnixDomainSocketEndPoint? ParseUnixPath(ReadOnlySpan<char> path)
    {
        if (path is not ['/', .., not '/'] || char.IsWhiteSpace(path[^1]) || HasControlCharacter(path))
        {
            return null;
        }

        // Conversion to a limited buffer answers both questions: whether the path fits, and whether it is well-formed Unicode.
        Span<byte> utf8 = stackalloc byte[MaxUnixPathBytes];
        var status = Utf8.FromUtf16(path, utf8, out _, out _, replaceInvalidSequences: false);
        return status == OperationStatus.Done ? new UnixDomainSocketEndPoint(path.ToString()) : null;
    }

    private static FileHandleEndPoint? ParseDescriptor(ReadOnlySpan<char> text) =>
        TryParseNumber(text, maxDigits: 10, out var descriptor) ? new FileHandleEndPoint((ulong)descriptor, FileHandleType.Auto) : null;
}
