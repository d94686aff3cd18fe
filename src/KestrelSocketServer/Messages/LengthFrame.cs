using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>Messages with their length before them, alone or in a header.</summary>
/// <param name="field">The length.</param>
/// <param name="headerLength">How many bytes are before what the length is of.</param>
/// <param name="maxLength">The most bytes behind the header.</param>
/// <param name="keepsHeader">Whether the header is a part of the message.</param>
internal sealed class LengthFrame(LengthField field, int headerLength, int maxLength, bool keepsHeader)
    : IMessageProtocol<ReadOnlySequence<byte>>
{
    // Headers are small; one that is not is copied to where there is room.
    private const int StackLimit = 64;

    public bool TryRead(
        in ReadOnlySequence<byte> buffer, ref SequencePosition consumed, ref SequencePosition examined, out ReadOnlySequence<byte> message)
    {
        message = default;
        long available = buffer.Length - headerLength;
        if (available < 0 || ReadLength(buffer) is var length && available < length)
        {
            return false;
        }

        message = buffer.Slice(keepsHeader ? 0 : headerLength, length + (keepsHeader ? headerLength : 0L));
        consumed = message.End;
        return true;
    }

    public void Write(ReadOnlySequence<byte> message, IBufferWriter<byte> output)
    {
        long length = message.Length - (keepsHeader ? headerLength : 0);
        if (length < 0 || length > maxLength || !field.Fits(length))
        {
            throw new ArgumentException(
                $"The message has {message.Length} bytes; the protocol allows {maxLength + (keepsHeader ? (long)headerLength : 0)} "
                + $"in a length of {field.Bytes} bytes" + (keepsHeader ? $", and needs a header of {headerLength}." : "."),
                nameof(message));
        }

        Span<byte> header = headerLength <= StackLimit ? stackalloc byte[StackLimit] : new byte[headerLength];
        header = header[..headerLength];
        if (keepsHeader)
        {
            message.Slice(0, headerLength).CopyTo(header);
            message = message.Slice(headerLength);
        }

        field.Write(header, length);
        Frames.Write(header, message, [], output);
    }

    private int ReadLength(in ReadOnlySequence<byte> buffer)
    {
        if (buffer.FirstSpan.Length >= headerLength)
        {
            return field.Read(buffer.FirstSpan, maxLength);
        }

        Span<byte> header = headerLength <= StackLimit ? stackalloc byte[StackLimit] : new byte[headerLength];
        buffer.Slice(0, headerLength).CopyTo(header);
        return field.Read(header, maxLength);
    }
}
