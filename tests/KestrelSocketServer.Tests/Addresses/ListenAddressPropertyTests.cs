using System.Net;
using System.Text;
using CsCheck;

namespace KestrelSocketServer.Tests.Addresses;

public class ListenAddressPropertyTests
{
    private const string Alphabet = "0123456789abcdefxXzZ.:/[]%@#?*+-_ \\\0\n\u0085\u00a0\u202e\ud800\udc00é８😀tcplsuniTLS";

    private static readonly Gen<int> Ports = Gen.OneOf(Gen.Int[0, 65535], Gen.OneOf(0, 1, 80, 65535));

    private static readonly Gen<string> IPSchemes = Gen.OneOf("tcp", "tls");

    private static readonly Gen<IPEndPoint> IPv4 = Gen.Select(Gen.Byte.Array[4], Ports, (bytes, port) => new IPEndPoint(new IPAddress(bytes), port));

    // Zero bytes are frequent, so that all lengths and places of '::' come up, and the printed forms with embedded IPv4.
    private static readonly Gen<byte[]> IPv6Bytes = Gen.OneOf(
        Gen.Byte.Array[16],
        Gen.OneOf(Gen.Const((byte)0), Gen.Byte).Array[16],
        Gen.Byte.Array[4].Select(last => (byte[])[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, .. last]),
        Gen.Byte.Array[4].Select(last => (byte[])[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x5e, 0xfe, .. last]));

    private static readonly Gen<IPEndPoint> IPv6 = Gen.Select(IPv6Bytes, Ports, (bytes, port) => new IPEndPoint(new IPAddress(bytes), port));

    private static readonly Gen<IPEndPoint> LinkLocal = Gen.Select(
        Gen.Byte.Array[14], Gen.Int[1, int.MaxValue], Ports,
        (bytes, zone, port) => new IPEndPoint(new IPAddress((byte[])[0xfe, 0x80, .. bytes], zone), port));

    private static readonly Gen<string> UnixPaths = Gen.String[Gen.OneOf(Gen.Char['!', '~'], Gen.Char['¡', '\ud7ff'], Gen.Const(' ')), 0, 110]
        .Select(tail => "/" + tail)
        .Where(path => Encoding.UTF8.GetByteCount(path) <= 103 && path[^1] != '/' && !char.IsWhiteSpace(path[^1]));

    private static readonly Gen<string> ValidTexts = Gen.OneOf(
        Ports.Select(port => $"{port}"),
        Gen.OneOf(IPv4, IPv6, LinkLocal).Select(endPoint => endPoint.ToString()),
        Gen.Select(IPSchemes, Gen.OneOf(IPv4, IPv6, LinkLocal), (scheme, endPoint) => $"{scheme}://{endPoint}/"),
        UnixPaths.Select(path => $"unix://{path}"),
        Gen.Int[0, int.MaxValue].Select(descriptor => $"fd://{descriptor}"));

    private static readonly Gen<char> AnyCharacters = Gen.OneOf(Gen.Int[0, Alphabet.Length - 1].Select(index => Alphabet[index]), Gen.Char);

    [Fact]
    [Trait("Row", "A3")]
    [Trait("Row", "A4")]
    [Trait("Row", "A16")]
    public void An_IP_address_is_parsed_to_its_end_point_and_printed_back() =>
        Gen.Select(IPSchemes, Gen.OneOf(IPv4, IPv6, LinkLocal)).Sample((scheme, endPoint) =>
        {
            var address = ListenAddress.Parse($"{scheme}://{endPoint}");

            Assert.Equal(endPoint, address.EndPoint);
            Assert.Equal(scheme, address.Scheme);
            Assert.Equal($"{scheme}://{endPoint}", address.ToString());
        });

    [Fact]
    [Trait("Row", "A16")]
    public void IPv6_written_in_full_is_the_same_address() =>
        Gen.Select(IPv6Bytes, Ports, Gen.Bool).Sample((bytes, port, isUpper) =>
        {
            var groups = Enumerable.Range(0, 8).Select(index => $"{bytes[2 * index]:x2}{bytes[(2 * index) + 1]:x2}");
            var text = $"[{string.Join(':', groups)}]:{port}";

            Assert.Equal(new IPEndPoint(new IPAddress(bytes), port), ListenAddress.Parse(isUpper ? text.ToUpperInvariant() : text).EndPoint);
        });

    [Fact]
    [Trait("Row", "A7")]
    [Trait("Row", "A11")]
    [Trait("Row", "A16")]
    public void Printing_and_parsing_are_inverse_for_all_schemes() => ValidTexts.Sample(text =>
    {
        var address = ListenAddress.Parse(text);
        var again = ListenAddress.Parse(address.ToString());

        Assert.Equal(address, again);
        Assert.Equal(address.GetHashCode(), again.GetHashCode());
        Assert.Equal(address.ToString(), again.ToString());
        Assert.Equal(address.Scheme, again.Scheme);
    });

    [Fact]
    [Trait("Row", "A10")]
    public void No_text_throws_anything_else_than_an_argument_exception() =>
        Gen.OneOf(Gen.String, Gen.String[AnyCharacters, 0, 40]).Sample(AssertParsedOrRefused);

    [Fact]
    [Trait("Row", "A10")]
    public void No_text_with_a_known_beginning_throws_anything_else_than_an_argument_exception() =>
        Gen.Select(
            Gen.OneOf("tcp://", "TLS://", "unix:///", "unix://", "fd://", "udp://", "tcp:", "[::", "[fe80::1%", "127.0.0.1:", "127.0.0.", "0x", "*:", "//", ":"),
            Gen.String[AnyCharacters, 0, 20],
            (start, end) => start + end).Sample(AssertParsedOrRefused);

    [Fact]
    [Trait("Row", "A10")]
    public void No_change_to_a_valid_address_throws_anything_else_than_an_argument_exception()
    {
        var change = Gen.Select(Gen.Int[0, 200], Gen.Int[0, 3], AnyCharacters);
        Gen.Select(ValidTexts, change.Array[1, 4]).Sample((text, changes) =>
        {
            foreach (var (position, kind, character) in changes)
            {
                var at = position % (text.Length + 1);
                var after = text[Math.Min(at + 1, text.Length)..];
                text = kind switch
                {
                    0 => $"{text[..at]}{character}{text[at..]}",
                    1 => text[..at] + character + after,
                    2 => text[..at] + after,
                    _ => text[..at] + text[(at / 2)..],
                };
            }

            AssertParsedOrRefused(text);
        });
    }

    [Fact]
    [Trait("Row", "A10")]
    public void No_length_throws_anything_else_than_an_argument_exception() =>
        Gen.Select(ValidTexts, AnyCharacters, Gen.Int[1_000, 200_000], Gen.Int[0, 200]).Sample(
            (text, character, count, position) =>
                AssertParsedOrRefused(text.Insert(position % (text.Length + 1), new string(character, count))),
            iter: 50);

    private static void AssertParsedOrRefused(string text)
    {
        if (ListenAddress.TryParse(text, out var address))
        {
            Assert.Equal(address, ListenAddress.Parse(text));
            Assert.Equal(address, ListenAddress.Parse(address.ToString()));
            return;
        }

        Assert.Null(address);
        var message = Assert.Throws<ArgumentException>(() => ListenAddress.Parse(text)).Message;
        Assert.StartsWith("'", message, StringComparison.Ordinal);
        Assert.InRange(message.Length, 1, 1200);
        Assert.DoesNotContain(message, char.IsControl);
    }
}
