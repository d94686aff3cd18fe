using System.Buffers;
using KestrelSocketServer.Messages;

namespace KestrelSocketServer;

/// <summary>
/// The usual ways to tell where a message ends (row M2). The message is the bytes between: handed out without a copy, valid until its
/// handler is done. <see cref="MessageProtocolExtensions"/> makes text, JSON or anything else of them.
/// </summary>
/// <remarks>
/// A greatest length is never optional: a peer that sends without end would cost memory without end. A longer message breaks the rule
/// <see cref="MessageRules.MaxLength"/>; to write one throws <see cref="ArgumentException"/>.
/// </remarks>
public static class Framing
{
    /// <summary>Lines that end with LF; a CR before it belongs to the end too.</summary>
    /// <param name="maxLength">The most bytes of a line, without its end.</param>
    /// <param name="writeCrLf">Whether lines are written with CR LF, as SMTP and others ask for; with LF otherwise.</param>
    /// <returns>The protocol. To write a line that has an LF in it, or a CR at its end, throws <see cref="ArgumentException"/>.</returns>
    public static IMessageProtocol<ReadOnlySequence<byte>> Lines(int maxLength, bool writeCrLf = false)
        => new LineFrame(Validate(maxLength), writeCrLf);

    /// <summary>Messages that end with a delimiter.</summary>
    /// <param name="delimiter">At least one byte; copied.</param>
    /// <param name="maxLength">The most bytes of a message, without the delimiter.</param>
    /// <returns>The protocol. To write a message that has the delimiter in it throws <see cref="ArgumentException"/>.</returns>
    public static IMessageProtocol<ReadOnlySequence<byte>> Delimited(ReadOnlySpan<byte> delimiter, int maxLength)
    {
        if (delimiter.IsEmpty)
        {
            throw new ArgumentException("A delimiter has at least one byte.", nameof(delimiter));
        }

        return new DelimitedFrame(delimiter.ToArray(), Validate(maxLength));
    }

    /// <summary>Messages with their length before them; the length is no part of the message.</summary>
    /// <param name="bytes">How many bytes the length takes, 1 to 8: usually 1, 2, 4 or 8.</param>
    /// <param name="maxLength">The most bytes of a message, without its length.</param>
    /// <param name="bigEndian">Whether the highest byte of the length comes first, as is usual on the network.</param>
    /// <param name="includesPrefix">Whether the length counts its own bytes too.</param>
    public static IMessageProtocol<ReadOnlySequence<byte>> LengthPrefixed(
        int bytes, int maxLength, bool bigEndian = true, bool includesPrefix = false)
        => new LengthFrame(
            new LengthField(0, ValidateBytes(bytes), bigEndian, includesPrefix ? -bytes : 0),
            bytes,
            Validate(maxLength),
            keepsHeader: false);

    /// <summary>
    /// Messages that begin with a header of fixed size, somewhere in which is the length of what follows. The header is a part of the
    /// message; its length is filled in when the message is written.
    /// </summary>
    /// <param name="headerLength">How many bytes the header has.</param>
    /// <param name="offset">Where in the header the length is.</param>
    /// <param name="bytes">How many bytes the length takes, 1 to 8: usually 1, 2, 4 or 8.</param>
    /// <param name="maxLength">The most bytes of a message, with its header.</param>
    /// <param name="bigEndian">Whether the highest byte of the length comes first, as is usual on the network.</param>
    /// <param name="adjustment">
    /// What is to be added to the length to have the number of bytes behind the header: minus <paramref name="headerLength"/> where the
    /// length is that of the whole message, -4 for PostgreSQL (header 5, offset 1, 4 bytes), -1 for Modbus TCP (header 7, offset 4, 2
    /// bytes).
    /// </param>
    public static IMessageProtocol<ReadOnlySequence<byte>> LengthInHeader(
        int headerLength, int offset, int bytes, int maxLength, bool bigEndian = true, int adjustment = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfLessThan(headerLength, (long)offset + ValidateBytes(bytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, headerLength);
        return new LengthFrame(
            new LengthField(offset, bytes, bigEndian, adjustment), headerLength, maxLength - headerLength, keepsHeader: true);
    }

    /// <summary>Messages with their length before them as a varint of base 128, as Protocol Buffers delimit them.</summary>
    /// <param name="maxLength">The most bytes of a message, without its length.</param>
    public static IMessageProtocol<ReadOnlySequence<byte>> VarintPrefixed(int maxLength) => new VarintFrame(Validate(maxLength));

    /// <summary>Messages that all have the same length.</summary>
    /// <param name="length">How many bytes a message has, at least one.</param>
    public static IMessageProtocol<ReadOnlySequence<byte>> FixedSize(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return new FixedFrame(length);
    }

    private static int Validate(int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxLength);
        return maxLength;
    }

    private static int ValidateBytes(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, 8);
        return bytes;
    }
}
