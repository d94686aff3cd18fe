using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>Lines that end with LF or CR LF.</summary>
internal sealed class LineFrame(int maxLength, bool writeCrLf) : IMessageProtocol<ReadOnlySequence<byte>>
{
    private const byte LineFeed = (byte)'\n';
    private const byte CarriageReturn = (byte)'\r';

    public bool TryRead(
        in ReadOnlySequence<byte> buffer, ref SequencePosition consumed, ref SequencePosition examined, out ReadOnlySequence<byte> message)
    {
        if (buffer.Slice(examined).PositionOf(LineFeed) is not { } end)
        {
            examined = buffer.End;
            FrameLimit.ThrowIfTooLong(buffer.Length - (EndsWithCarriageReturn(buffer) ? 1 : 0), maxLength);
            message = default;
            return false;
        }

        message = buffer.Slice(buffer.Start, end);
        if (EndsWithCarriageReturn(message))
        {
            message = message.Slice(0, message.Length - 1);
        }

        FrameLimit.ThrowIfTooLong(message.Length, maxLength);
        consumed = buffer.GetPosition(1, end);
        return true;
    }

    public void Write(ReadOnlySequence<byte> message, IBufferWriter<byte> output)
    {
        FrameLimit.ThrowIfUnwritable(message, maxLength);
        if (message.PositionOf(LineFeed) is not null || EndsWithCarriageReturn(message))
        {
            throw new ArgumentException("A line has no line break in it.", nameof(message));
        }

        FrameLimit.Copy(message, output);
        output.Write(writeCrLf ? "\r\n"u8 : "\n"u8);
    }

    private static bool EndsWithCarriageReturn(in ReadOnlySequence<byte> line)
    {
        ReadOnlySpan<byte> last = line.IsSingleSegment ? line.FirstSpan : line.Slice(line.Length - 1).FirstSpan;
        return !last.IsEmpty && last[^1] == CarriageReturn;
    }
}
