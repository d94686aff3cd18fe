using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CsCheck;
using KestrelSocketServer.ProxyProtocol;

namespace KestrelSocketServer.Tests.ProxyProtocol;

public sealed class ProxyHeaderParserTests
{
    private static readonly Gen<IPEndPoint> IPv4 = Gen.Select(Gen.Byte.Array[4], Gen.Int[0, 65535], (bytes, port) => new IPEndPoint(new IPAddress(bytes), port));

    private static readonly Gen<IPEndPoint> IPv6 = Gen.Select(
        Gen.OneOf(Gen.Byte.Array[16], Gen.OneOf(Gen.Const((byte)0), Gen.Byte).Array[16]), Gen.Int[0, 65535], (bytes, port) => new IPEndPoint(new IPAddress(bytes), port));

    private static readonly Gen<(IPEndPoint Source, IPEndPoint Destination)> Pairs = Gen.OneOf(Gen.Select(IPv4, IPv4), Gen.Select(IPv6, IPv6));

    private static readonly Gen<(byte Type, byte[] Value)[]> Tlvs = Gen.Select(
        Gen.Byte.Where(type => type is not (0x03 or 0x20)), Gen.OneOf(Gen.Byte.Array[0, 20], Gen.Byte.Array[200, 500])).Array[0, 6];

    private static readonly Gen<byte[]> Valid = Gen.OneOf(
        Pairs.Select(pair => ProxyHeaders.Text(pair.Source, pair.Destination)),
        Gen.Char['!', '~'].Array[0, 80].Select(rest => ProxyHeaders.Text($"UNKNOWN {new string(rest)}")),
        Gen.Select(Pairs, Tlvs, Gen.Bool, (pair, tlvs, hasChecksum) =>
        {
            byte[] header = ProxyHeaders.Binary(pair.Source, pair.Destination, [.. tlvs.Select(tlv => ProxyHeaders.Tlv(tlv.Type, tlv.Value))]);
            return hasChecksum ? ProxyHeaders.WithChecksum(header) : header;
        }),
        Gen.Byte.Array[0, 300].Select(rest => ProxyHeaders.Binary(ProxyHeaders.Local, ProxyHeaders.Unspecified, rest)));

    // Random bytes alone would never get past the signature.
    private static readonly Gen<byte[]> Anything = Gen.OneOf(
        Gen.Byte.Array[0, 300],
        Gen.Byte.Array[0, 150].Select(rest => (byte[])[.. "PROXY "u8, .. rest]),
        Gen.OneOf(Gen.OneOf("TCP4 ", "TCP6 ", "UNKNOWN", "1", "255", ".", ":", "::", " ", "  ", "0", "\r", "\n", "\r\n", "\0", "é", "ffff", "65536")).Array[0, 30]
            .Select(parts => (byte[])[.. "PROXY "u8, .. Encoding.UTF8.GetBytes(string.Concat(parts))]),
        Gen.Select(Gen.Byte, Gen.Byte, Gen.Byte.Array[0, 300], (command, family, rest) => ProxyHeaders.Binary(command, family, rest)),
        Gen.Select(Gen.OneOf(ProxyHeaders.Tcp4, ProxyHeaders.Tcp6, ProxyHeaders.UnixStream, ProxyHeaders.Unspecified), Gen.Byte.Array[0, 600],
            (family, rest) => ProxyHeaders.Binary(ProxyHeaders.Proxy, family, rest)),
        Gen.Select(Valid, Gen.Int[0, 10_000], Gen.Byte, (header, index, value) =>
        {
            byte[] changed = [.. header];
            changed[index % changed.Length] = value;
            return changed;
        }),
        Gen.Select(Gen.Byte, Gen.Byte, Gen.Byte.Array[0, 100], (high, low, rest) => (byte[])[.. "\r\n\r\n\0\r\nQUIT\n"u8, 0x21, 0x11, high, low, .. rest]));

    [Fact]
    [Trait("Row", "G17")]
    public void A_header_of_version_1_is_read_as_it_was_written() => Pairs.Sample(pair =>
    {
        byte[] bytes = ProxyHeaders.Text(pair.Source, pair.Destination);

        ProxyHeader header = ProxyHeaderParser.Parse(bytes).Header!;

        Assert.Equal((1, bytes.Length, false), (header.Version, header.Length, header.IsLocal));
        Assert.Equal((pair.Source, pair.Destination), (header.Source, header.Destination));
    });

    [Fact]
    [Trait("Row", "G17")]
    public void A_header_of_version_2_is_read_as_it_was_written() => Gen.Select(Pairs, Tlvs).Sample((pair, tlvs) =>
    {
        byte[] bytes = ProxyHeaders.WithChecksum(ProxyHeaders.Binary(pair.Source, pair.Destination, [.. tlvs.Select(tlv => ProxyHeaders.Tlv(tlv.Type, tlv.Value))]));

        ProxyHeader header = ProxyHeaderParser.Parse(bytes).Header!;

        Assert.Equal((2, bytes.Length, false), (header.Version, header.Length, header.IsLocal));
        Assert.Equal((pair.Source, pair.Destination), (header.Source, header.Destination));
        Assert.Equal(tlvs.Select(tlv => tlv.Type).Append((byte)0x03), header.Tlvs.Select(tlv => tlv.Type));
        Assert.All(tlvs.Zip(header.Tlvs), both => Assert.Equal(both.First.Value, both.Second.Value.ToArray()));
    });

    [Fact]
    [Trait("Row", "G17")]
    public void Paths_of_Unix_domain_sockets_are_read_as_they_were_written() => Gen.Select(Gen.Char['!', '~'].Array[1, 107], Gen.Bool).Sample((characters, isAbstract) =>
    {
        string path = (isAbstract ? "\0" : "/") + new string(characters);

        ProxyHeader header = ProxyHeaderParser.Parse(
            ProxyHeaders.Binary(ProxyHeaders.Proxy, ProxyHeaders.UnixStream, ProxyHeaders.UnixAddresses(path, "/run/app.sock"))).Header!;

        Assert.Equal((isAbstract ? "@" + path[1..] : path), header.Source!.ToString());
        Assert.Equal("/run/app.sock", header.Destination!.ToString());
    });

    [Fact]
    [Trait("Row", "G17")]
    public void Any_split_of_a_header_gives_the_same() => Gen.Select(Valid, Gen.Byte.Array[0, 30], Gen.Int[1, 10_000].Array[0, 5]).Sample((bytes, rest, cuts) =>
    {
        string whole = Print(ProxyHeaderParser.Parse(bytes));
        Assert.StartsWith("found", whole, StringComparison.Ordinal);
        byte[] received = [.. bytes, .. rest];

        Assert.Equal(whole, Print(ProxyHeaderParser.Parse(Split(received, cuts))));
        foreach (int length in cuts.Select(cut => cut % bytes.Length))
        {
            Assert.Equal("needs more", Print(ProxyHeaderParser.Parse(Split(received.AsMemory(0, length), cuts))));
        }
    });

    [Fact]
    [Trait("Row", "G18")]
    public void Whatever_is_received_is_a_header_within_its_bounds_or_a_fault() => Gen.Select(Anything, Gen.Int[1, 10_000].Array[0, 3]).Sample(
        (bytes, cuts) =>
        {
            ProxyHeaderResult result = ProxyHeaderParser.Parse(bytes);

            Assert.False(result.Header is not null && result.Fault is not null);
            if (result.Header is { } header)
            {
                Assert.InRange(header.Length, 1, Math.Min(bytes.Length, header.Version == 1 ? 107 : ProxyHeaderParser.MaxLength));
                Assert.Equal(header.Source is null, header.Destination is null);
            }

            Assert.Equal(Print(result), Print(ProxyHeaderParser.Parse(Split(bytes, cuts))));
        },
        iter: 20_000);

    [Fact]
    [Trait("Row", "G18")]
    public void More_is_never_asked_for_than_a_header_may_have() => Gen.Select(Anything, Gen.Byte).Sample((bytes, padding) =>
    {
        byte[] long1 = [.. bytes, .. Enumerable.Repeat(padding, ProxyHeaderParser.MaxLength)];

        ProxyHeaderResult result = ProxyHeaderParser.Parse(long1);

        Assert.True(result.Header is not null || result.Fault is not null);
    });

    [Theory]
    [InlineData("TCP4 192.0.2.7 198.51.100.1 51234 443 ")]
    [InlineData("TCP4  192.0.2.7 198.51.100.1 51234 443")]
    [InlineData("TCP4 192.0.2.7 198.51.100.1 51234")]
    [InlineData("TCP4 192.0.2.7 198.51.100.1 051234 443")]
    [InlineData("TCP4 192.0.2.7 198.51.100.1 65536 443")]
    [InlineData("TCP4 192.0.2.07 198.51.100.1 51234 443")]
    [InlineData("TCP4 ::1 ::1 51234 443")]
    [InlineData("TCP6 192.0.2.7 198.51.100.1 51234 443")]
    [InlineData("TCP6 [::1] [::1] 51234 443")]
    [InlineData("TCP6 fe80::1%2 ::1 51234 443")]
    [InlineData("tcp4 192.0.2.7 198.51.100.1 51234 443")]
    [InlineData("UNKNOWNS")]
    [InlineData("")]
    [Trait("Row", "G18")]
    public void A_line_in_another_form_is_malformed(string rest)
        => Assert.Equal(ProxyHeaderFault.Malformed, ProxyHeaderParser.Parse(ProxyHeaders.Text(rest)).Fault!.Value.Reason);

    [Fact]
    [Trait("Row", "G18")]
    public void One_changed_byte_of_a_header_with_a_checksum_is_found() => Gen.Select(Pairs, Tlvs, Gen.Int[16, 10_000], Gen.Byte[1, 255]).Sample((pair, tlvs, index, change) =>
    {
        byte[] bytes = ProxyHeaders.WithChecksum(ProxyHeaders.Binary(pair.Source, pair.Destination, [.. tlvs.Select(tlv => ProxyHeaders.Tlv(tlv.Type, tlv.Value))]));

        // An address: a changed type or length of a value may hide the checksum itself.
        bytes[16 + (index % (pair.Source.AddressFamily == AddressFamily.InterNetwork ? 12 : 36))] ^= change;

        Assert.Equal(ProxyHeaderFault.Malformed, ProxyHeaderParser.Parse(bytes).Fault!.Value.Reason);
    });

    private static string Print(ProxyHeaderResult result) => result switch
    {
        { Header: { } header } => $"found {header.Version} {header.Length} {header.IsLocal} {header.Source} {header.Destination} {header.Tls?.Version} "
            + string.Join(',', header.Tlvs.Select(tlv => $"{tlv.Type}={Convert.ToHexString(tlv.Value.Span)}")),
        { Fault: { } fault } => $"{fault.Reason}: {fault.Message}",
        _ => "needs more",
    };

    private static ReadOnlySequence<byte> Split(ReadOnlyMemory<byte> bytes, int[] cuts)
    {
        Segment first = new(ReadOnlyMemory<byte>.Empty), last = first;
        int start = 0;
        foreach (int end in cuts.Select(cut => cut % (bytes.Length + 1)).Order().Append(bytes.Length))
        {
            last = last.Append(bytes[start..end]);
            start = end;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
