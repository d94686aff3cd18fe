using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>Messages that end with a delimiter.</summary>
internal sealed class DelimitedFrame(byte[] delimiter, int maxLength) : IMessageProtocol<ReadOnlySequence<byte>>
{
    private const int StackLimit = 64;

    public bool TryRead(
        in ReadOnlySequence<byte> buffer, ref SequencePosition consumed, ref SequencePosition examined, out ReadOnlySequence<byte> message)
    {
        ReadOnlySequence<byte> unseen = buffer.Slice(examined);
        if (!TryFind(unseen, out SequencePosition end))
        {
            // The last of it may be the beginning of the delimiter.
            long seen = Math.Max(0, buffer.Length - delimiter.Length + 1);
            Frames.ThrowIfTooLong(seen, maxLength);
            examined = buffer.GetPosition(seen);
            message = default;
            return false;
        }

        message = buffer.Slice(buffer.Start, end);
        Frames.ThrowIfTooLong(message.Length, maxLength);
        consumed = buffer.GetPosition(delimiter.Length, end);
        return true;
    }

    public void Write(ReadOnlySequence<byte> message, IBufferWriter<byte> output)
    {
        Frames.ThrowIfUnwritable(message, maxLength);
        if (EndsTooSoon(message))
        {
            throw new ArgumentException(
                "The message has the delimiter in it, or would have together with the one behind it.", nameof(message));
        }

        Frames.Write([], message, delimiter, output);
    }

    private bool TryFind(in ReadOnlySequence<byte> bytes, out SequencePosition position)
    {
        if (delimiter.Length == 1)
        {
            SequencePosition? found = bytes.PositionOf(delimiter[0]);
            position = found.GetValueOrDefault();
            return found is not null;
        }

        var reader = new SequenceReader<byte>(bytes);
        if (reader.TryReadTo(out ReadOnlySequence<byte> before, delimiter, advancePastDelimiter: false))
        {
            position = before.End;
            return true;
        }

        position = default;
        return false;
    }

    // Such as "a;" and a delimiter of ";;": what is read ends at the first delimiter there is.
    private bool EndsTooSoon(in ReadOnlySequence<byte> message)
    {
        if (TryFind(message, out _))
        {
            return true;
        }

        int length = (int)Math.Min(message.Length, delimiter.Length - 1);
        if (length == 0)
        {
            return false;
        }

        int size = length + delimiter.Length;
        Span<byte> end = size <= StackLimit ? stackalloc byte[StackLimit] : new byte[size];
        message.Slice(message.Length - length).CopyTo(end);
        delimiter.CopyTo(end[length..]);
        return end[..size].IndexOf(delimiter) < length;
    }
}
