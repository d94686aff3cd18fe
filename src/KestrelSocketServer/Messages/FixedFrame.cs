using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>Messages of one length.</summary>
internal sealed class FixedFrame(int length) : IMessageProtocol<ReadOnlySequence<byte>>
{
    public bool TryRead(
        in ReadOnlySequence<byte> buffer, ref SequencePosition consumed, ref SequencePosition examined, out ReadOnlySequence<byte> message)
    {
        if (buffer.Length < length)
        {
            message = default;
            return false;
        }

        message = buffer.Slice(0, length);
        consumed = message.End;
        return true;
    }

    public void Write(ReadOnlySequence<byte> message, IBufferWriter<byte> output)
    {
        if (message.Length != length)
        {
            throw new ArgumentException($"The message has {message.Length} bytes; those of the protocol have {length}.", nameof(message));
        }

        Frames.Write([], message, [], output);
    }
}
