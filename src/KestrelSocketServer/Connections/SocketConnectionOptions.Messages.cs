namespace KestrelSocketServer;

// What concerns connections that are read by messages.
public sealed partial class SocketConnectionOptions
{
    /// <summary>
    /// How long a message may take from its first byte to its last, however slowly its bytes drip (row M8). A connection whose peer takes
    /// longer ends with a <see cref="MessageProtocolException"/> of the rule <see cref="MessageRules.Timeout"/> as its
    /// <see cref="ISocketConnection.Error"/>.
    /// </summary>
    /// <remarks>
    /// Defaults to null: for ever. It concerns connections that are read by messages. Between messages it does not run, nor while the
    /// handler is at work on one or has called <see cref="ISocketConnection.Pause"/>.
    /// </remarks>
    public TimeSpan? MessageTimeout { get; set; }

    private void ValidateMessages(string subject)
    {
        if (MessageTimeout <= TimeSpan.Zero)
        {
            throw new InvalidOperationException(
                $"{subject}{nameof(MessageTimeout)} is {MessageTimeout}; "
                + "it must be more than zero, or null where a message may take for ever.");
        }
    }
}
