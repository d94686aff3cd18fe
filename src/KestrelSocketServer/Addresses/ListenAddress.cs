using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Addresses;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>An address to listen on: an IP address and port (plain or TLS), a Unix domain socket, or a file descriptor.</summary>
/// <remarks>
/// <para>These forms are understood; anything else is refused, and host names are never resolved:</para>
/// <list type="table">
/// <item><term><c>8080</c></term><description>Port 8080 of 127.0.0.1 only (row A1).</description></item>
/// <item><term><c>127.0.0.1:8080</c>, <c>tcp://127.0.0.1:8080</c></term><description>That IPv4 address (row A3).</description></item>
/// <item><term><c>[::1]:8080</c>, <c>tcp://[::1]:8080</c></term><description>That IPv6 address, always in brackets (row A4).</description></item>
/// <item><term><c>[fe80::1%2]:8080</c></term><description>A link-local address with the number of its interface; a name such as <c>%eth0</c> is refused.</description></item>
/// <item><term><c>0.0.0.0:8080</c>, <c>[::]:8080</c></term><description>All IPv4 interfaces, all interfaces (row A5).</description></item>
/// <item><term><c>tls://127.0.0.1:8443</c></term><description>As <c>tcp</c>, with TLS.</description></item>
/// <item><term><c>unix:///run/app.sock</c></term><description>A Unix domain socket by its absolute path, taken literally: nothing in it is decoded.</description></item>
/// <item><term><c>fd://3</c></term><description>A socket that was inherited, by its descriptor, which stays open when the endpoint is closed.</description></item>
/// </list>
/// <para>
/// Port 0 asks for a free port (row A2). A port has up to five ASCII digits; leading zeros are dropped. Schemes compare without
/// case (row A12). A lone <c>/</c> may follow the port, but no path, query or fragment (row A11).
/// </para>
/// <para>Instances are immutable; two are equal when they print the same.</para>
/// </remarks>
public sealed class ListenAddress : IEquatable<ListenAddress>, IParsable<ListenAddress>
{
    private readonly EndPoint _endPoint;
    private readonly string _text;

    internal ListenAddress(string scheme, EndPoint endPoint)
    {
        Scheme = scheme;
        _endPoint = endPoint;
        // Not EndPointFormatter: it prints an IPv4-mapped address as plain IPv4, which would name another socket when parsed again.
        _text = endPoint is FileHandleEndPoint file
            ? string.Create(CultureInfo.InvariantCulture, $"{scheme}://{file.FileHandle}")
            : $"{scheme}://{endPoint}";
    }

    /// <summary>The scheme in lower case: <c>tcp</c>, <c>tls</c>, <c>unix</c> or <c>fd</c>.</summary>
    public string Scheme { get; }

    /// <summary>Whether the scheme is <c>tls</c>.</summary>
    public bool IsTls => Scheme == ListenAddressParser.Tls;

    /// <summary>
    /// The end point to bind: an <see cref="IPEndPoint"/>, a <see cref="UnixDomainSocketEndPoint"/> or a
    /// <see cref="FileHandleEndPoint"/>.
    /// </summary>
    // The setters of IPEndPoint and IPAddress would make a shared instance a hole in the immutability of this class.
    public EndPoint EndPoint => _endPoint is IPEndPoint ip ? ip.Create(ip.Serialize()) : _endPoint;

    /// <summary>Parses an address (rows A1 to A12).</summary>
    /// <param name="address">The address, for example <c>8080</c>, <c>127.0.0.1:0</c> or <c>tls://[::1]:8443</c>.</param>
    /// <returns>The address.</returns>
    /// <exception cref="ArgumentNullException">The address is null.</exception>
    /// <exception cref="ArgumentException">The address is not valid; the message says why and what to write instead.</exception>
    public static ListenAddress Parse(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        // Without the parameter's name, which would end up in the messages that put a configuration key before this one.
        return ListenAddressParser.Parse(address) ?? throw new ArgumentException(ListenAddressErrors.Explain(address));
    }

    /// <summary>Makes the address of a port of 127.0.0.1 (rows A1 and A9).</summary>
    /// <param name="port">The port, from 0 to 65535; 0 asks for a free one (row A2).</param>
    /// <returns>The address.</returns>
    /// <exception cref="ArgumentException">The port is out of range.</exception>
    public static ListenAddress Parse(int port) => Parse(port.ToString(CultureInfo.InvariantCulture));

    /// <summary>Parses an address without throwing.</summary>
    /// <param name="address">The address, in any of the forms that <see cref="Parse(string)"/> takes.</param>
    /// <param name="result">The parsed address, or null.</param>
    /// <returns>Whether the address is valid.</returns>
    public static bool TryParse([NotNullWhen(true)] string? address, [MaybeNullWhen(false)] out ListenAddress result)
    {
        result = address is null ? null : ListenAddressParser.Parse(address);
        return result is not null;
    }

    // Its contract asks for a FormatException, row A6 for an ArgumentException.
    static ListenAddress IParsable<ListenAddress>.Parse(string s, IFormatProvider? provider)
    {
        ArgumentNullException.ThrowIfNull(s);
        return ListenAddressParser.Parse(s) ?? throw new FormatException(ListenAddressErrors.Explain(s));
    }

    static bool IParsable<ListenAddress>.TryParse(
        [NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out ListenAddress result) => TryParse(s, out result);

    /// <summary>Whether two addresses are the same.</summary>
    /// <param name="left">One address.</param>
    /// <param name="right">The other address.</param>
    /// <returns>True when both are null or print the same.</returns>
    public static bool operator ==(ListenAddress? left, ListenAddress? right) => left is null ? right is null : left.Equals(right);

    /// <summary>Whether two addresses differ.</summary>
    /// <param name="left">One address.</param>
    /// <param name="right">The other address.</param>
    /// <returns>True unless both are null or print the same.</returns>
    public static bool operator !=(ListenAddress? left, ListenAddress? right) => !(left == right);

    /// <inheritdoc />
    public bool Equals([NotNullWhen(true)] ListenAddress? other) => other is not null && _text == other._text;

    /// <inheritdoc />
    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as ListenAddress);

    /// <inheritdoc />
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <summary>
    /// Prints the full form, normalised (row A16): <c>tcp://127.0.0.1:8080</c>, <c>tls://[::1]:443</c>,
    /// <c>unix:///run/app.sock</c>, <c>fd://3</c>. Parsing it gives an equal address.
    /// </summary>
    /// <returns>The address with its scheme.</returns>
    public override string ToString() => _text;
}
