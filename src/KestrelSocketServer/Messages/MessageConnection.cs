using System.Buffers;
using KestrelSocketServer.Connections;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Messages;

/// <summary>A connection that its run loop reads by messages.</summary>
internal sealed class MessageConnection<TMessage> : SocketConnection, ISocketConnection<TMessage>
{
    private readonly IMessageProtocol<TMessage> _protocol;
    private readonly Func<ISocketConnection<TMessage>, TMessage, Task> _onMessage;
    private readonly MessageDeadline? _deadline;
    private MessageReader<TMessage> _reader;
    private Action? _onHandled;

    // While a handler is at work on a message whose bytes are still held.
    private Task _handling = Task.CompletedTask;
    private SequencePosition _consumed;

    private MessageConnection(
        ConnectionContext context,
        ConnectionSettings settings,
        IMessageProtocol<TMessage> protocol,
        Func<ISocketConnection<TMessage>, TMessage, Task> onMessage)
        : base(context, settings, ReadStyle.Messages)
    {
        _protocol = protocol;
        _onMessage = onMessage;
        _reader = new MessageReader<TMessage>(protocol);
        _deadline = MessageDeadline.Create(settings, SignalSelf);
    }

    /// <summary>Runs a connection from its first event to its last.</summary>
    public static Task RunAsync(
        ConnectionContext context,
        ConnectionSettings settings,
        IMessageProtocol<TMessage> protocol,
        Action<ISocketConnection<TMessage>>? onConnection,
        Func<ISocketConnection<TMessage>, TMessage, Task> onMessage)
        => new MessageConnection<TMessage>(context, settings, protocol, onMessage).RunAsync(connection =>
        {
            onConnection?.Invoke((ISocketConnection<TMessage>)connection);
            return Task.CompletedTask;
        });

    public bool Write(TMessage message)
        => Write((_protocol, message), static (output, write) => write._protocol.Write(write.message, output));

    public ValueTask<bool> WriteAsync(TMessage message, CancellationToken cancellationToken = default)
        => Write(message) ? ValueTask.FromResult(true) : Writer.WaitForDrainAsync(cancellationToken);

    private protected override void DeliverInput(
        in ReadOnlySequence<byte> buffer, bool isCompleted, ref SequencePosition consumed, ref SequencePosition examined)
    {
        ReadOnlySequence<byte> rest = buffer;
        bool isIncomplete = false;
        bool isNext = false;
        try
        {
            while (CanDeliver && !rest.IsEmpty && !HoldsInput)
            {
                if (!_reader.TryRead(rest, out ReadOnlySequence<byte> next, out TMessage? message))
                {
                    _reader.Advance();
                    rest = next;
                    isIncomplete = !rest.IsEmpty;
                    break;
                }

                Task handling = _onMessage(this, message);
                if (!handling.IsCompletedSuccessfully)
                {
                    Hold(handling);
                }

                _reader.Advance();
                rest = next;
                isNext = true;
            }

            if (isIncomplete && isCompleted)
            {
                throw _reader.Truncated(rest.Length);
            }
        }
        catch (MessageProtocolException violation)
        {
            OnDropped(rest.Length);
            _reader.Locate(violation);
            throw;
        }

        consumed = rest.IsEmpty ? buffer.End : rest.Start;
        examined = isIncomplete ? buffer.End : consumed;
        _consumed = consumed;
        if (!isIncomplete)
        {
            _deadline?.End();
        }
        else
        {
            _deadline?.Begin(isNext);
        }
    }

    private protected override void OnSignal()
    {
        if (HoldsInput && _handling.IsCompleted)
        {
            ReleaseInput();
        }

        if (_deadline?.TakeExpired() == true)
        {
            if (HoldsInput || !CanDeliver)
            {
                // The peer could not go on.
                return;
            }

            OnViolation(SocketCloseReason.MessageTimeout, _reader.Late(Settings.Options.MessageTimeout));
        }
    }

    internal override async Task WaitForReaderAsync()
    {
        _deadline?.Dispose();
        if (HoldsInput)
        {
            await _handling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ReleaseInput();
        }
    }

    private void Hold(Task handling)
    {
        _handling = handling;
        HoldsInput = true;
        handling.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_onHandled ??= SignalSelf);
    }

    private void ReleaseInput()
    {
        HoldsInput = false;
        Input.AdvanceTo(_consumed);
        if (!_handling.IsCompletedSuccessfully)
        {
            OnMessageFault(_handling);
        }
    }
}
