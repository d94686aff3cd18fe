namespace KestrelSocketServer;

/// <summary>
/// The peer broke the protocol of the messages (row M6), or left in the middle of one (row M7). An <see cref="IMessageProtocol{TMessage}"/>
/// throws it when it reads; a handler may throw it too, about a message that it was given.
/// </summary>
public sealed class MessageProtocolException : Exception
{
    private readonly long _offset;

    /// <summary>Tells which rule was broken, and where.</summary>
    /// <param name="rule">A short name of the rule, as in <see cref="MessageRules"/>.</param>
    /// <param name="message">What is wrong, in words.</param>
    /// <param name="offset">Where in the message, in bytes from its start.</param>
    /// <param name="innerException">What found it, such as the exception of a deserializer.</param>
    public MessageProtocolException(string rule, string message, long offset = 0, Exception? innerException = null)
        : base(message, innerException)
    {
        Rule = rule;
        _offset = offset;
    }

    /// <summary>The name of the rule, such as one of <see cref="MessageRules"/>.</summary>
    public string Rule { get; }

    /// <summary>Where, as the number of bytes that were received before, counted from where reading by messages began.</summary>
    public long Position => MessagePosition + _offset;

    /// <inheritdoc/>
    public override string Message => $"{base.Message} (rule {Rule}, byte {Position})";

    /// <summary>Where the message began.</summary>
    internal long MessagePosition { get; set; }
}
