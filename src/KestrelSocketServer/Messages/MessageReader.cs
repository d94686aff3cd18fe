using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace KestrelSocketServer.Messages;

/// <summary>Where the reading of a connection's messages is.</summary>
internal struct MessageReader<TMessage>(IMessageProtocol<TMessage> protocol)
{
    private long _position;
    private long _size;
    private long _examined;

    /// <summary>Reads the first message of <paramref name="rest"/>; <see cref="Advance"/> goes on behind it.</summary>
    /// <param name="rest">What was not consumed yet.</param>
    /// <param name="next">What is behind the message, or behind what is to be skipped where there is none.</param>
    /// <param name="message">The message.</param>
    /// <exception cref="InvalidOperationException">The message had no bytes, and would be read for ever.</exception>
    public bool TryRead(in ReadOnlySequence<byte> rest, out ReadOnlySequence<byte> next, [MaybeNullWhen(false)] out TMessage message)
    {
        SequencePosition consumed = rest.Start;
        SequencePosition examined = _examined == 0 ? consumed : rest.GetPosition(_examined);
        bool read = protocol.TryRead(rest, ref consumed, ref examined, out message);
        next = rest.Slice(consumed);
        _size = rest.Length - next.Length;
        if (!read)
        {
            _examined = Math.Max(0, next.Length - rest.Slice(examined).Length);
        }
        else if (_size == 0)
        {
            throw new InvalidOperationException(
                $"{protocol.GetType()} has read a message and consumed nothing: every message has at least one byte.");
        }
        else
        {
            _examined = 0;
        }

        return read;
    }

    /// <summary>Goes on behind what was read.</summary>
    public void Advance() => _position += _size;

    /// <summary>Says where in the stream the message is that an exception is about.</summary>
    public readonly void Locate(MessageProtocolException violation) => violation.MessagePosition = _position;

    /// <summary>The peer has finished sending, and has left some bytes of a message.</summary>
    public readonly MessageProtocolException Truncated(long length)
    {
        var violation = new MessageProtocolException(
            MessageRules.Truncated,
            $"The peer has finished sending in the middle of a message, of which {length} bytes have arrived.",
            length);
        Locate(violation);
        return violation;
    }

    /// <summary>The message at hand was not complete in time.</summary>
    public readonly MessageProtocolException Late(TimeSpan? timeout)
    {
        var violation = new MessageProtocolException(
            MessageRules.Timeout,
            $"A message that had begun was not complete within the {nameof(SocketConnectionOptions.MessageTimeout)} of {timeout}.");
        Locate(violation);
        return violation;
    }
}
