using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace KestrelSocketServer.Messages;

/// <summary>Makes messages of the bytes in a frame, and the other way round.</summary>
/// <remarks>
/// A message is serialized first, as its length may have to be known before, into memory that the thread uses again and again.
/// </remarks>
internal sealed class PayloadProtocol<TMessage>(
    IMessageProtocol<ReadOnlySequence<byte>> frame,
    Func<ReadOnlySequence<byte>, TMessage> read,
    Action<TMessage, IBufferWriter<byte>> write,
    string rule) : IMessageProtocol<TMessage>
{
    public bool TryRead(
        in ReadOnlySequence<byte> buffer,
        ref SequencePosition consumed,
        ref SequencePosition examined,
        [MaybeNullWhen(false)] out TMessage message)
    {
        if (!frame.TryRead(buffer, ref consumed, ref examined, out ReadOnlySequence<byte> payload))
        {
            message = default;
            return false;
        }

        try
        {
            message = read(payload);
            return true;
        }
        catch (Exception exception) when (exception is not MessageProtocolException)
        {
            throw new MessageProtocolException(
                rule,
                $"The {payload.Length} bytes of a message are not what they should be: {exception.Message}",
                innerException: exception);
        }
    }

    public void Write(TMessage message, IBufferWriter<byte> output)
    {
        using PayloadBuffer payload = PayloadBuffer.Rent();
        write(message, payload);
        frame.Write(new ReadOnlySequence<byte>(payload.WrittenMemory), output);
    }
}
