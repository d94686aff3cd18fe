using System.Buffers;
using System.Text;
using System.Text.Json.Serialization;

namespace KestrelSocketServer.Tests.Messages;

[Trait("Row", "M2")]
public sealed class PayloadTests
{
    private static readonly IMessageProtocol<string> Text = Framing.LengthPrefixed(4, 1 << 20).AsText();

    private static readonly IMessageProtocol<Point> Json = Framing.Lines(1000).AsJson(PointJson.Default.Point);

    [Theory]
    [InlineData("")]
    [InlineData("grüße 😀")]
    [InlineData("a line\nand another")]
    public void Text_is_UTF8(string text)
    {
        byte[] written = Write(Text, text);

        Assert.Equal(text, Encoding.UTF8.GetString(written.AsSpan(4)));
        Assert.Equal(text, Read(Text, written));
    }

    [Fact]
    public void Text_of_a_megabyte_is_written_and_read()
    {
        string text = new('x', 1 << 20);

        Assert.Equal(text, Read(Text, Write(Text, text)));
        Assert.Throws<ArgumentException>(() => Write(Text, text + "x"));
        Assert.Equal("short", Read(Text, Write(Text, "short")));
    }

    [Fact]
    [Trait("Row", "M6")]
    public void Bytes_that_are_no_text_break_the_rule_Text()
    {
        var violation = Assert.Throws<MessageProtocolException>(() => Read(Framing.Lines(10).AsText(), [(byte)'a'], [0xff, (byte)'\n']));

        Assert.Equal(MessageRules.Text, violation.Rule);
        Assert.IsType<DecoderFallbackException>(violation.InnerException);
        Assert.Contains("rule Text, byte 0", violation.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_may_have_another_encoding()
    {
        IMessageProtocol<string> latin = Framing.Lines(10).AsText(Encoding.Latin1);

        Assert.Equal("é", Read(latin, [0xe9, (byte)'\n']));
        Assert.Equal([0xe9, (byte)'\n'], Write(latin, "é"));
    }

    [Fact]
    public void Json_is_one_line()
    {
        byte[] written = Write(Json, new Point(1, 2, "a\nb"));

        Assert.Equal("""{"X":1,"Y":2,"Name":"a\nb"}""" + "\n", Encoding.UTF8.GetString(written));
        Assert.Equal(new Point(1, 2, "a\nb"), Read(Json, written));
        Assert.Equal(new Point(3, 0, null), Read(Json, "  {\"X\":3}  \n"u8.ToArray()));
    }

    [Theory]
    [InlineData("""{"X":"one"}""", 10)]
    [InlineData("""{"X":1}{""", 7)]
    [InlineData("null", 0)]
    [InlineData("", 0)]
    [InlineData("{", 1)]
    [Trait("Row", "M6")]
    public void What_is_no_JSON_of_the_type_breaks_the_rule_Json(string line, int position)
    {
        var violation = Assert.Throws<MessageProtocolException>(() => Read(Json, Encoding.UTF8.GetBytes(line + "\n")));

        Assert.Equal(MessageRules.Json, violation.Rule);
        Assert.Equal(position, violation.Position);
    }

    [Fact]
    [Trait("Row", "M6")]
    public void Any_serializer_is_two_functions_and_what_it_throws_breaks_the_rule_Payload()
    {
        IMessageProtocol<int> number = Framing.Lines(10).As(
            payload => int.Parse(Encoding.ASCII.GetString(payload), System.Globalization.CultureInfo.InvariantCulture),
            (value, output) => output.Write(Encoding.ASCII.GetBytes($"{value}")));

        Assert.Equal(12, Read(number, Write(number, 12)));
        var violation = Assert.Throws<MessageProtocolException>(() => Read(number, "twelve\n"u8.ToArray()));
        Assert.Equal(MessageRules.Payload, violation.Rule);
        Assert.IsType<FormatException>(violation.InnerException);
    }

    [Theory]
    [InlineData("with\nbreak")]
    [InlineData("at its end\r")]
    public void A_line_with_a_line_break_is_not_written(string line)
        => Assert.Throws<ArgumentException>(() => Write(Framing.Lines(100).AsText(), line));

    [Theory]
    [InlineData("a;;b")]
    [InlineData("a;")]
    public void A_message_that_would_end_too_soon_is_not_written(string message)
        => Assert.Throws<ArgumentException>(() => Write(Framing.Delimited(";;"u8, 100).AsText(), message));

    [Fact]
    [Trait("Row", "M6")]
    public void Mistakes_in_the_frame_itself_are_named()
    {
        Assert.Throws<ArgumentOutOfRangeException>("maxLength", () => Framing.Lines(-1));
        Assert.Throws<ArgumentException>("delimiter", () => Framing.Delimited([], 1));
        Assert.Throws<ArgumentOutOfRangeException>("bytes", () => Framing.LengthPrefixed(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>("bytes", () => Framing.LengthPrefixed(9, 1));
        Assert.Throws<ArgumentOutOfRangeException>("headerLength", () => Framing.LengthInHeader(4, 1, 4, 100));
        Assert.Throws<ArgumentOutOfRangeException>("maxLength", () => Framing.LengthInHeader(5, 1, 4, 4));
        Assert.Throws<ArgumentOutOfRangeException>("length", () => Framing.FixedSize(0));
    }

    private static byte[] Write<TMessage>(IMessageProtocol<TMessage> protocol, TMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        protocol.Write(message, output);
        return output.WrittenSpan.ToArray();
    }

    private static TMessage? Read<TMessage>(IMessageProtocol<TMessage> protocol, params byte[][] pieces)
    {
        var bytes = new SegmentedBytes();
        Array.ForEach(pieces, bytes.Add);
        ReadOnlySequence<byte> buffer = bytes.Buffer;
        SequencePosition consumed = buffer.Start, examined = buffer.Start;
        Assert.True(protocol.TryRead(buffer, ref consumed, ref examined, out TMessage? message));
        Assert.Equal(0, buffer.Slice(consumed).Length);
        return message;
    }
}

internal sealed record Point(int X, int Y, string? Name);

[JsonSerializable(typeof(Point))]
internal sealed partial class PointJson : JsonSerializerContext;
