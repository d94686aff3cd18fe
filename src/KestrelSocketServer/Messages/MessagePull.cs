using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Messages;

/// <summary>Reads messages for a handler in its own flow.</summary>
internal static class MessagePull
{
    public static async IAsyncEnumerable<TMessage> ReadAsync<TMessage>(
        SocketConnection connection, IMessageProtocol<TMessage> protocol, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reading = new PullReading(connection);
        var reader = new MessageReader<TMessage>(protocol);
        PipeReader input = connection.Input;
        using MessageDeadline? deadline = MessageDeadline.Create(connection.Settings, input.CancelPendingRead);
        while (true)
        {
            ReadResult result;
            try
            {
                result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (reading.IsEnd(exception))
            {
                yield break;
            }

            if (!reading.IsData(result))
            {
                if (reading.SkipToEnd(result))
                {
                    yield break;
                }

                continue;
            }

            ReadOnlySequence<byte> rest = result.Buffer;
            bool isIncomplete = false;
            bool isNext = false;
            try
            {
                while (!reading.IsOver && !rest.IsEmpty)
                {
                    if (!TryRead(connection, ref reader, ref rest, out TMessage? message))
                    {
                        isIncomplete = !rest.IsEmpty;
                        break;
                    }

                    isNext = true;
                    deadline?.End();
                    yield return message;
                }
            }
            finally
            {
                // Also when the loop is left early: the message that was given out has been consumed.
                SequencePosition consumed = rest.IsEmpty ? result.Buffer.End : rest.Start;
                input.AdvanceTo(consumed, isIncomplete ? result.Buffer.End : consumed);
            }

            if (isIncomplete && result.IsCompleted)
            {
                throw Violate(connection, SocketCloseReason.ProtocolViolation, reader.Truncated(rest.Length));
            }

            if (isIncomplete && deadline?.TakeExpired() == true)
            {
                throw Violate(connection, SocketCloseReason.MessageTimeout, reader.Late(connection.Settings.Options.MessageTimeout));
            }

            if (isIncomplete)
            {
                deadline?.Begin(isNext);
            }
        }
    }

    private static bool TryRead<TMessage>(
        SocketConnection connection,
        ref MessageReader<TMessage> reader,
        ref ReadOnlySequence<byte> rest,
        [MaybeNullWhen(false)] out TMessage message)
    {
        try
        {
            bool read = reader.TryRead(rest, out ReadOnlySequence<byte> next, out message);
            reader.Advance();
            rest = next;
            return read;
        }
        catch (MessageProtocolException violation)
        {
            reader.Locate(violation);
            throw Violate(connection, SocketCloseReason.ProtocolViolation, violation);
        }
    }

    private static MessageProtocolException Violate(
        SocketConnection connection, SocketCloseReason reason, MessageProtocolException violation)
    {
        connection.AddViolation(reason, violation);
        return violation;
    }
}
