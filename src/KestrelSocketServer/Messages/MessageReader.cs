using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace KestrelSocketServer.Messages;

/// <summary>Where the reading of a connection's messages is.</summary>
internal struct MessageReader<TMessage>(IMessageProtocol<TMessage> protocol)
{
    private long _position;
    private long _examined;

    /// <summary>Reads a message from <paramref name="rest"/>; <see cref="Advance"/> goes on behind it.</summary>
    public bool TryRead(ref ReadOnlySequence<byte> rest, out SequencePosition consumed, [MaybeNullWhen(false)] out TMessage message)
    {
        consumed = rest.Start;
        SequencePosition examined = _examined == 0 ? consumed : rest.GetPosition(_examined);
        if (protocol.TryRead(rest, ref consumed, ref examined, out message))
        {
            _examined = 0;
            return true;
        }

        long unexamined = rest.Slice(examined).Length;
        Skip(ref rest, consumed);
        _examined = Math.Max(0, rest.Length - unexamined);
        return false;
    }

    /// <summary>Goes on behind a message.</summary>
    /// <exception cref="InvalidOperationException">The message had no bytes, and would be read for ever.</exception>
    public void Advance(ref ReadOnlySequence<byte> rest, SequencePosition consumed)
    {
        if (Skip(ref rest, consumed) == 0)
        {
            throw new InvalidOperationException($"{protocol.GetType()} has read a message and consumed nothing: every message has at least one byte.");
        }
    }

    /// <summary>Says where in the stream the message is that an exception is about.</summary>
    public readonly void Locate(MessageProtocolException violation) => violation.MessagePosition = _position;

    /// <summary>The peer has finished sending, and has left some bytes of a message.</summary>
    public readonly MessageProtocolException Truncated(long length)
    {
        var violation = new MessageProtocolException(
            MessageRules.Truncated, $"The peer has finished sending in the middle of a message, of which {length} bytes have arrived.", length);
        Locate(violation);
        return violation;
    }

    /// <summary>The message at hand was not complete in time.</summary>
    public readonly MessageProtocolException Late(TimeSpan? timeout)
    {
        var violation = new MessageProtocolException(
            MessageRules.Timeout, $"A message that had begun was not complete within the {nameof(SocketConnectionOptions.MessageTimeout)} of {timeout}.");
        Locate(violation);
        return violation;
    }

    private long Skip(ref ReadOnlySequence<byte> rest, SequencePosition consumed)
    {
        long length = rest.Length;
        rest = rest.Slice(consumed);
        length -= rest.Length;
        _position += length;
        return length;
    }
}
