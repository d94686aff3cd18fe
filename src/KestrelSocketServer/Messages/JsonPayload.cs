using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KestrelSocketServer.Messages;

/// <summary>A message as JSON.</summary>
internal sealed class JsonPayload<TMessage>(JsonTypeInfo<TMessage> typeInfo)
{
    private readonly JsonReaderOptions _readerOptions = new()
    {
        AllowTrailingCommas = typeInfo.Options.AllowTrailingCommas,
        CommentHandling = typeInfo.Options.ReadCommentHandling,
        MaxDepth = typeInfo.Options.MaxDepth,
    };

    // Without line breaks, whatever the options of the type say.
    private readonly JsonWriterOptions _writerOptions = new()
    {
        Encoder = typeInfo.Options.Encoder,
        MaxDepth = typeInfo.Options.MaxDepth,
        SkipValidation = true,
    };

    public IMessageProtocol<TMessage> In(IMessageProtocol<ReadOnlySequence<byte>> frame)
        => new PayloadProtocol<TMessage>(frame, Read, Write, MessageRules.Json);

    private TMessage Read(ReadOnlySequence<byte> payload)
    {
        try
        {
            var reader = new Utf8JsonReader(payload, _readerOptions);
            TMessage? message = JsonSerializer.Deserialize(ref reader, typeInfo);

            // Nothing but white space may follow; this throws where more does.
            reader.Read();
            return message ?? throw new JsonException("It is null.", path: null, lineNumber: 0, bytePositionInLine: 0);
        }
        catch (JsonException exception)
        {
            long offset = exception is { LineNumber: null or 0, BytePositionInLine: { } column } ? column : 0;
            throw new MessageProtocolException(
                MessageRules.Json, $"A message is no JSON of {typeof(TMessage)}: {exception.Message}", offset, exception);
        }
    }

    private void Write(TMessage message, IBufferWriter<byte> output)
    {
        using var writer = new Utf8JsonWriter(output, _writerOptions);
        JsonSerializer.Serialize(writer, message, typeInfo);
    }
}
