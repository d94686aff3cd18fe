using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>What the frames have in common: their greatest length, and the copy of a message into the output.</summary>
internal static class FrameLimit
{
    public static void ThrowIfTooLong(long length, int maxLength)
    {
        if (length > maxLength)
        {
            throw TooLong(maxLength, maxLength);
        }
    }

    /// <param name="maxLength">The greatest length.</param>
    /// <param name="offset">Where in the message that was found.</param>
    public static MessageProtocolException TooLong(int maxLength, long offset)
        => new(MessageRules.MaxLength, $"A message has more than {maxLength} bytes.", offset);

    public static void ThrowIfUnwritable(in ReadOnlySequence<byte> message, int maxLength)
    {
        if (message.Length > maxLength)
        {
            throw new ArgumentException($"The message has {message.Length} bytes; the protocol allows {maxLength}.", nameof(message));
        }
    }

    public static void Copy(in ReadOnlySequence<byte> message, IBufferWriter<byte> output)
    {
        foreach (ReadOnlyMemory<byte> segment in message)
        {
            output.Write(segment.Span);
        }
    }
}
