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
        // Most lines lie in one piece.
        int length = examined.Equals(buffer.Start) ? buffer.FirstSpan.IndexOf(LineFeed) : -1;
        if (length >= 0)
        {
            consumed = buffer.GetPosition(length + 1);
            length -= length > 0 && buffer.FirstSpan[length - 1] == CarriageReturn ? 1 : 0;
            Frames.ThrowIfTooLong(length, maxLength);
            message = buffer.Slice(0, length);
            return true;
        }

        if (buffer.Slice(examined).PositionOf(LineFeed) is not { } end)
        {
            examined = buffer.End;
            Frames.ThrowIfTooLong(buffer.Length - (EndsWithCarriageReturn(buffer) ? 1 : 0), maxLength);
            message = default;
            return false;
        }

        message = buffer.Slice(buffer.Start, end);
        if (EndsWithCarriageReturn(message))
        {
            message = message.Slice(0, message.Length - 1);
        }

        Frames.ThrowIfTooLong(message.Length, maxLength);
        consumed = buffer.GetPosition(1, end);
        return true;
    }

    public void Write(ReadOnlySequence<byte> message, IBufferWriter<byte> output)
    {
        Frames.ThrowIfUnwritable(message, maxLength);
        bool hasBreak = message.IsSingleSegment ? message.FirstSpan.Contains(LineFeed) : message.PositionOf(LineFeed) is not null;
        if (hasBreak || EndsWithCarriageReturn(message))
        {
            throw new ArgumentException("A line has no line break in it.", nameof(message));
        }

        Frames.Write([], message, writeCrLf ? "\r\n"u8 : "\n"u8, output);
    }

    private static bool EndsWithCarriageReturn(in ReadOnlySequence<byte> line)
    {
        ReadOnlySpan<byte> last = line.IsSingleSegment ? line.FirstSpan : line.Slice(line.Length - 1).FirstSpan;
        return !last.IsEmpty && last[^1] == CarriageReturn;
    }
}
