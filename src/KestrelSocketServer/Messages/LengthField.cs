namespace KestrelSocketServer.Messages;

/// <summary>A length of some bytes, at some place of a header.</summary>
/// <param name="Offset">Where in the header it is.</param>
/// <param name="Bytes">How many bytes it takes.</param>
/// <param name="IsBigEndian">Whether the highest byte comes first.</param>
/// <param name="Adjustment">What is to be added to have the number of bytes behind the header.</param>
internal readonly record struct LengthField(int Offset, int Bytes, bool IsBigEndian, int Adjustment)
{
    /// <summary>Reads how many bytes are behind the header.</summary>
    /// <exception cref="MessageProtocolException">It is more than allowed, or less than nothing.</exception>
    public int Read(ReadOnlySpan<byte> header, int maxLength)
    {
        ulong value = 0;
        for (int index = 0; index < Bytes; index++)
        {
            value = (value << 8) | header[Offset + (IsBigEndian ? index : Bytes - 1 - index)];
        }

        // Compared before they are added, so that nothing overflows.
        if (value > long.MaxValue || (long)value > maxLength - (long)Adjustment)
        {
            throw Frames.TooLong(maxLength, Offset);
        }

        long length = (long)value + Adjustment;
        return length >= 0 ? (int)length
            : throw new MessageProtocolException(
                MessageRules.LengthPrefix,
                $"The length {value} of a message is less than the {-Adjustment} bytes that it counts itself.",
                Offset);
    }

    /// <summary>Whether a length can be written in so many bytes.</summary>
    public bool Fits(long length) => length - Adjustment >= 0 && (Bytes == 8 || length - Adjustment < 1L << (8 * Bytes));

    public void Write(Span<byte> header, long length)
    {
        long value = length - Adjustment;
        for (int index = 0; index < Bytes; index++)
        {
            header[Offset + (IsBigEndian ? Bytes - 1 - index : index)] = (byte)(value >> (8 * index));
        }
    }
}
