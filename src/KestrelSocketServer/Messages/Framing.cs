using System.Buffers;
using KestrelSocketServer.Messages;

namespace KestrelSocketServer;

/// <summary>
/// The usual ways to tell where a message ends (row M2). The message is the bytes between: handed out without a copy, valid until its handler
/// is done. <see cref="MessageProtocolExtensions"/> makes text, JSON or anything else of them.
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

    private static int Validate(int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxLength);
        return maxLength;
    }
}
