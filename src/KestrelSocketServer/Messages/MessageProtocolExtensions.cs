using System.Buffers;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using KestrelSocketServer.Messages;

namespace KestrelSocketServer;

/// <summary>What the bytes in a frame mean: text, JSON, or what a serializer makes of them.</summary>
public static class MessageProtocolExtensions
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Messages that are text in UTF-8. Bytes that are none break the rule <see cref="MessageRules.Text"/>.</summary>
    /// <param name="frame">How the bytes lie in the stream, such as one of <see cref="Framing"/>.</param>
    public static IMessageProtocol<string> AsText(this IMessageProtocol<ReadOnlySequence<byte>> frame) => AsText(frame, Utf8);

    /// <summary>Messages that are text.</summary>
    /// <param name="frame">How the bytes lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="encoding">
    /// The encoding. Where it throws on bytes that are no text of it, they break the rule <see cref="MessageRules.Text"/>; otherwise it
    /// replaces them.
    /// </param>
    public static IMessageProtocol<string> AsText(this IMessageProtocol<ReadOnlySequence<byte>> frame, Encoding encoding)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(encoding);

        return new PayloadProtocol<string>(
            frame,
            payload => encoding.GetString(payload),
            (text, output) => encoding.GetBytes(text.AsSpan(), output),
            MessageRules.Text);
    }

    /// <summary>
    /// Messages that are JSON, by source generation: <c>AsJson(ChatJson.Default.Message)</c>. What is none of that type, or null, breaks
    /// the rule
    /// <see cref="MessageRules.Json"/>. It is written without line breaks, so that it may also be a line.
    /// </summary>
    /// <typeparam name="TMessage">The type of the message.</typeparam>
    /// <param name="frame">How the bytes lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="typeInfo">What source generation knows of the type.</param>
    public static IMessageProtocol<TMessage> AsJson<TMessage>(
        this IMessageProtocol<ReadOnlySequence<byte>> frame, JsonTypeInfo<TMessage> typeInfo)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(typeInfo);

        return new JsonPayload<TMessage>(typeInfo).In(frame);
    }

    /// <summary>
    /// Messages of any serializer, given as two functions. What the first one throws breaks the rule <see cref="MessageRules.Payload"/>,
    /// with that as the inner exception.
    /// </summary>
    /// <typeparam name="TMessage">The type of the message.</typeparam>
    /// <param name="frame">How the bytes lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="read">Makes a message of its bytes, which are valid until the handler of the message is done.</param>
    /// <param name="write">Writes the bytes of a message.</param>
    public static IMessageProtocol<TMessage> As<TMessage>(
        this IMessageProtocol<ReadOnlySequence<byte>> frame,
        Func<ReadOnlySequence<byte>, TMessage> read,
        Action<TMessage, IBufferWriter<byte>> write)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(read);
        ArgumentNullException.ThrowIfNull(write);

        return new PayloadProtocol<TMessage>(frame, read, write, MessageRules.Payload);
    }
}
