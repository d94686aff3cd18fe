using System.Buffers;
using KestrelSocketServer.Messages;

namespace KestrelSocketServer.Tests.Messages;

/// <summary>A frame of the library beside its straightforward twin.</summary>
internal sealed record TestFrame(
    IMessageProtocol<ReadOnlySequence<byte>> Protocol,
    Func<byte[], StraightforwardParser> Parse,
    int MinLength,
    int MaxLength)
{
    private static readonly byte[] Delimiter = "--;--"u8.ToArray();

    public static IReadOnlyDictionary<string, TestFrame> All { get; } = new Dictionary<string, TestFrame>
    {
        ["lines"] = new(Framing.Lines(20), bytes => StraightforwardParser.Lines(bytes, 20), 0, 20),
        ["lines with CR LF"] = new(Framing.Lines(20, writeCrLf: true), bytes => StraightforwardParser.Lines(bytes, 20), 0, 20),
        ["empty lines"] = new(Framing.Lines(0), bytes => StraightforwardParser.Lines(bytes, 0), 0, 0),
        ["a delimiter of one byte"] = new(Framing.Delimited(";"u8, 20), bytes => StraightforwardParser.Delimited(bytes, [(byte)';'], 20), 0, 20),
        ["a delimiter"] = new(Framing.Delimited(Delimiter, 20), bytes => StraightforwardParser.Delimited(bytes, Delimiter, 20), 0, 20),
        ["1 byte"] = Prefixed(1, 255, true, false),
        ["1 byte with itself"] = Prefixed(1, 254, true, true),
        ["2 bytes"] = Prefixed(2, 300, true, false),
        ["2 bytes, little endian"] = Prefixed(2, 300, false, true),
        ["3 bytes"] = Prefixed(3, 30, true, false),
        ["4 bytes"] = Prefixed(4, 30, true, false),
        ["4 bytes with itself"] = Prefixed(4, 30, true, true),
        ["4 bytes, little endian"] = Prefixed(4, 30, false, false),
        ["8 bytes"] = Prefixed(8, 30, true, true),
        ["8 bytes, little endian"] = Prefixed(8, 30, false, false),
        ["the header of PostgreSQL"] = InHeader(5, 1, 4, -4),
        ["the header of Modbus TCP"] = InHeader(7, 4, 2, -1),
        ["a header with the whole length"] = InHeader(6, 2, 2, -6),
        ["a header with more behind it than it says"] = InHeader(3, 1, 1, 2),
        ["a header that needs more than the stack"] = InHeader(100, 96, 4, 0),
        ["varint"] = new(Framing.VarintPrefixed(200), bytes => StraightforwardParser.Varint(bytes, 200), 0, 200),
        ["fixed size"] = new(Framing.FixedSize(7), bytes => StraightforwardParser.Fixed(bytes, 7), 7, 7),
    };

    /// <summary>Writes messages as a connection does.</summary>
    public byte[] Write(IEnumerable<byte[]> messages)
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (byte[] message in messages)
        {
            Protocol.Write(new ReadOnlySequence<byte>(message), output);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>Reads all that arrives piece by piece, as a connection does.</summary>
    public (List<byte[]> Messages, string? Rule, long Position) Read(IEnumerable<byte[]> pieces)
    {
        var messages = new List<byte[]>();
        var arrived = new SegmentedBytes();
        var reader = new MessageReader<ReadOnlySequence<byte>>(Protocol);
        try
        {
            foreach (byte[] piece in pieces)
            {
                arrived.Add(piece);
                ReadOnlySequence<byte> rest = arrived.Buffer;
                long before = rest.Length;
                while (!rest.IsEmpty && reader.TryRead(rest, out ReadOnlySequence<byte> next, out ReadOnlySequence<byte> message))
                {
                    messages.Add(message.ToArray());
                    reader.Advance();
                    rest = next;
                }

                arrived.Consume(before - rest.Length);
            }
        }
        catch (MessageProtocolException violation)
        {
            reader.Locate(violation);
            return (messages, violation.Rule, violation.Position);
        }

        return (messages, null, 0);
    }

    private static TestFrame Prefixed(int size, int maxLength, bool bigEndian, bool includesPrefix) => new(
        Framing.LengthPrefixed(size, maxLength, bigEndian, includesPrefix),
        bytes => StraightforwardParser.LengthPrefixed(bytes, size, maxLength, bigEndian, includesPrefix),
        0,
        maxLength);

    private static TestFrame InHeader(int header, int offset, int size, int adjustment) => new(
        Framing.LengthInHeader(header, offset, size, header + 40, adjustment: adjustment),
        bytes => StraightforwardParser.LengthInHeader(bytes, header, offset, size, header + 40, adjustment),
        header + Math.Max(adjustment, 0),
        header + 40);
}
