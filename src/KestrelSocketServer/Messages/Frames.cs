using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>What the frames have in common: their greatest length, and how a message goes to the output.</summary>
internal static class Frames
{
    // Far less than a buffer of any connection.
    private const int ShortSize = 1024;

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

    /// <summary>Writes a message with what is around it; in one step where it is short, as most are.</summary>
    public static void Write(
        ReadOnlySpan<byte> prefix, in ReadOnlySequence<byte> message, ReadOnlySpan<byte> suffix, IBufferWriter<byte> output)
    {
        ReadOnlySpan<byte> first = message.FirstSpan;
        int size = prefix.Length + first.Length + suffix.Length;
        if (size <= ShortSize && message.IsSingleSegment)
        {
            Span<byte> span = output.GetSpan(size);
            prefix.CopyTo(span);
            first.CopyTo(span[prefix.Length..]);
            suffix.CopyTo(span[(prefix.Length + first.Length)..]);
            output.Advance(size);
            return;
        }

        output.Write(prefix);
        foreach (ReadOnlyMemory<byte> segment in message)
        {
            output.Write(segment.Span);
        }

        output.Write(suffix);
    }
}
