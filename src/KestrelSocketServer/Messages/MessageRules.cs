namespace KestrelSocketServer;

/// <summary>The rules of the built-in protocols, for <see cref="MessageProtocolException.Rule"/>.</summary>
public static class MessageRules
{
    /// <summary>A message is longer than allowed.</summary>
    public const string MaxLength = nameof(MaxLength);

    /// <summary>A length cannot be one: too many bytes for it, or less than what it counts.</summary>
    public const string LengthPrefix = nameof(LengthPrefix);

    /// <summary>The bytes are no text of the encoding.</summary>
    public const string Text = nameof(Text);

    /// <summary>The bytes are no JSON, or none of the message's type.</summary>
    public const string Json = nameof(Json);

    /// <summary>The bytes cannot be deserialized.</summary>
    public const string Payload = nameof(Payload);

    /// <summary>The peer has finished sending in the middle of a message.</summary>
    public const string Truncated = nameof(Truncated);

    /// <summary>A message that had begun was not complete within <see cref="SocketConnectionOptions.MessageTimeout"/>.</summary>
    public const string Timeout = nameof(Timeout);
}
