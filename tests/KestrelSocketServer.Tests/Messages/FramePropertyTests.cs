using System.Buffers;
using CsCheck;

namespace KestrelSocketServer.Tests.Messages;

public sealed class FramePropertyTests
{
    // Bytes that mean something to one frame or another are frequent.
    private static readonly Gen<byte> Bytes = Gen.OneOf(
        Gen.OneOf<byte>(0, 1, 2, 3, 5, 7, 12, (byte)'\n', (byte)'\r', (byte)'-', (byte)';', 127, 128, 129, 255), Gen.Byte, Gen.Const((byte)'-'));

    private static readonly Gen<int[]> Splits = Gen.Int[0, int.MaxValue].Array[0, 12];

    public static TheoryData<string> Frames => [.. TestFrame.All.Keys];

    [Theory]
    [MemberData(nameof(Frames))]
    [Trait("Row", "M2")]
    [Trait("Row", "M3")]
    public void What_was_written_is_read_again_whatever_the_split(string name)
    {
        TestFrame frame = TestFrame.All[name];
        Gen.Select(Bytes.Array[frame.MinLength, frame.MaxLength].Array[0, 8], Splits).Sample((candidates, splits) =>
        {
            byte[][] messages = [.. candidates.Where(message => IsWritable(frame, message))];
            byte[] written = frame.Write(messages);

            // A length in the header was filled in, which the parser does not know of.
            Assert.Equal(frame.Parse(written).Messages, frame.Read(SegmentedBytes.Split(written, splits)).Messages);
            Assert.Equal(messages.Select(message => message.Length), frame.Parse(written).Messages.Select(message => message.Length));
            if (!name.Contains("header", StringComparison.Ordinal))
            {
                Assert.Equal(messages, frame.Parse(written).Messages);
            }
        });
    }

    [Theory]
    [MemberData(nameof(Frames))]
    [Trait("Row", "M2")]
    [Trait("Row", "M3")]
    [Trait("Row", "M6")]
    public void Any_bytes_in_any_split_are_read_as_the_straightforward_parser_reads_them(string name)
    {
        TestFrame frame = TestFrame.All[name];
        Gen.Select(Bytes.Array[0, 300], Splits).Sample((bytes, splits) =>
        {
            StraightforwardParser expected = frame.Parse(bytes);
            (List<byte[]> messages, string? rule, long position) = frame.Read(SegmentedBytes.Split(bytes, splits));

            Assert.Equal(expected.Messages, messages);
            Assert.Equal(expected.Rule, rule);
            Assert.Equal(position, frame.Read([bytes]).Position);
        });
    }

    [Theory]
    [MemberData(nameof(Frames))]
    [Trait("Row", "M3")]
    public void Byte_by_byte_gives_the_same(string name)
    {
        TestFrame frame = TestFrame.All[name];
        Bytes.Array[0, 200].Sample(
            bytes =>
            {
                Assert.Equal(frame.Parse(bytes).Messages, frame.Read(bytes.Select(one => new[] { one })).Messages);
                Assert.Equal(frame.Parse(bytes).Rule, frame.Read(bytes.Select(one => new[] { one })).Rule);
            },
            iter: 30);
    }

    [Theory]
    [MemberData(nameof(Frames))]
    [Trait("Row", "M6")]
    public void A_message_that_is_too_long_is_not_written(string name)
    {
        TestFrame frame = TestFrame.All[name];

        Assert.False(IsWritable(frame, new byte[frame.MaxLength + 1]));
        Assert.True(IsWritable(frame, new byte[frame.MaxLength]));
    }

    private static bool IsWritable(TestFrame frame, byte[] message)
    {
        var output = new ArrayBufferWriter<byte>();
        try
        {
            frame.Protocol.Write(new ReadOnlySequence<byte>(message), output);
            return true;
        }
        catch (ArgumentException)
        {
            Assert.Equal(0, output.WrittenCount);
            return false;
        }
    }
}
