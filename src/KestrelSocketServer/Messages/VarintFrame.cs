using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>Messages with their length before them as a varint of base 128, its lowest bits first.</summary>
internal sealed class VarintFrame(int maxLength) : IMessageProtocol<ReadOnlySequence<byte>>
{
    // As many as a length of 32 bits can take.
    private const int MaxBytes = 5;

    public bool TryRead(
        in ReadOnlySequence<byte> buffer, ref SequencePosition consumed, ref SequencePosition examined, out ReadOnlySequence<byte> message)
    {
        Span<byte> prefix = stackalloc byte[MaxBytes];
        int available = (int)Math.Min(buffer.Length, MaxBytes);
        if (buffer.FirstSpan.Length >= available)
        {
            buffer.FirstSpan[..available].CopyTo(prefix);
        }
        else
        {
            buffer.Slice(0, available).CopyTo(prefix);
        }

        ulong length = 0;
        int bytes = 0;
        byte last;
        do
        {
            if (bytes == available)
            {
                message = default;
                return bytes < MaxBytes ? false
                    : throw new MessageProtocolException(
                        MessageRules.LengthPrefix, $"The length of a message has more than {MaxBytes} bytes.", bytes);
            }

            last = prefix[bytes];
            length |= (ulong)(last & 0x7F) << (7 * bytes);
            bytes++;
        }
        while (last >= 0x80);

        if (length > (ulong)maxLength)
        {
            throw Frames.TooLong(maxLength, offset: 0);
        }

        if (buffer.Length - bytes < (long)length)
        {
            message = default;
            return false;
        }

        message = buffer.Slice(bytes, (long)length);
        consumed = message.End;
        return true;
    }

    public void Write(ReadOnlySequence<byte> message, IBufferWriter<byte> output)
    {
        Frames.ThrowIfUnwritable(message, maxLength);
        Span<byte> prefix = stackalloc byte[MaxBytes];
        uint length = (uint)message.Length;
        int bytes = 0;
        while (length >= 0x80)
        {
            prefix[bytes++] = (byte)(length | 0x80);
            length >>= 7;
        }

        prefix[bytes++] = (byte)length;
        Frames.Write(prefix[..bytes], message, [], output);
    }
}
