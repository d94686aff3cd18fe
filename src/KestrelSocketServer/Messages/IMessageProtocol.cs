using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace KestrelSocketServer;

/// <summary>
/// How messages lie in a stream of bytes: reads one from a buffer, and writes one into a buffer (row M1). <see cref="Framing"/> has the
/// usual ones.
/// </summary>
/// <typeparam name="TMessage">
/// The message: a span-like <see cref="ReadOnlySequence{T}"/> or a struct costs no allocation (row M9).
/// </typeparam>
/// <remarks>
/// One instance serves all connections, at the same time: it must keep no state of a message. A message may refer to the bytes that it was
/// read from; they are valid until the handler of the message has returned, or its task has completed.
/// </remarks>
public interface IMessageProtocol<TMessage>
{
    /// <summary>Reads the next message, which begins at the start of <paramref name="buffer"/>, if all of it has arrived.</summary>
    /// <param name="buffer">
    /// What has arrived and was not consumed, never empty. All that belongs to the message is in it from the start.
    /// </param>
    /// <param name="consumed">
    /// Set it behind the message, which must have at least one byte. Where there is no whole message, only what is to be skipped, such as a
    /// heartbeat, is consumed; leave it where it is otherwise.
    /// </param>
    /// <param name="examined">
    /// How far an earlier call has looked at the same message in vain, or the start of the buffer. Set it to how far this one has looked,
    /// so that a search need not begin again with every byte that drips in.
    /// </param>
    /// <param name="message">The message.</param>
    /// <returns>False where more bytes are needed.</returns>
    /// <exception cref="MessageProtocolException">
    /// The bytes break the protocol: the connection ends with that as its error (row M6).
    /// </exception>
    bool TryRead(
        in ReadOnlySequence<byte> buffer,
        ref SequencePosition consumed,
        ref SequencePosition examined,
        [MaybeNullWhen(false)] out TMessage message);

    /// <summary>Writes a message. It is called while other writers of the connection wait, and must not block (row M5).</summary>
    /// <param name="message">The message.</param>
    /// <param name="output">The connection's own buffer. What an exception leaves half written closes the connection.</param>
    /// <exception cref="ArgumentException">
    /// The message cannot be written by this protocol, such as a line with a line break in it.
    /// </exception>
    void Write(TMessage message, IBufferWriter<byte> output);
}
