using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using MemoryPack;
using MessagePack;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Messages;

/// <summary>Serializers of others, as the chapter on messages shows them.</summary>
[Trait("Row", "M2")]
public sealed class SerializerTests
{
    [Fact]
    public Task MessagePack_in_frames_with_a_length() => AssertComesBackAsync(
        Framing.LengthPrefixed(bytes: 4, maxLength: 1 << 20).As(
            payload => MessagePackSerializer.Deserialize<PackedReading>(payload),
            (reading, output) => MessagePackSerializer.Serialize(output, reading)),
        new PackedReading { Sensor = "hall", Value = 21.5 });

    [Fact]
    public Task Protocol_Buffers_in_frames_with_a_varint() => AssertComesBackAsync(
        Framing.VarintPrefixed(maxLength: 1 << 20).As(StringValue.Parser.ParseFrom, (value, output) => value.WriteTo(output)),
        new StringValue { Value = "hall" });

    [Fact]
    public Task MemoryPack_in_frames_with_a_length() => AssertComesBackAsync(
        Framing.LengthPrefixed(bytes: 4, maxLength: 1 << 20).As(
            payload => MemoryPackSerializer.Deserialize<MemoryReading>(payload)!,
            (reading, output) => MemoryPackSerializer.Serialize(output, reading)),
        new MemoryReading("hall", 21.5));

    [Fact]
    [Trait("Row", "M6")]
    public async Task What_a_serializer_refuses_breaks_the_rule_Payload()
    {
        var handled = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        IMessageProtocol<PackedReading> protocol = Framing.LengthPrefixed(bytes: 1, maxLength: 100).As(
            payload => MessagePackSerializer.Deserialize<PackedReading>(payload),
            (PackedReading reading, IBufferWriter<byte> output) => MessagePackSerializer.Serialize(output, reading));
        await using MessagePlace server = await MessagePlace.StartAsync("plain", listen => listen.UseSocketHandler(async connection =>
        {
            connection.Error += error => handled.TrySetResult(error);
            await foreach (PackedReading reading in connection.ReadMessagesAsync(protocol))
            {
                connection.Write(protocol, reading);
            }
        }));

        await server.Client.SendAsync("\u0004\u0001\u0002\u0003\u0004");

        var violation = Assert.IsType<MessageProtocolException>(await handled.Task.Soon());
        Assert.Equal(MessageRules.Payload, violation.Rule);
        Assert.IsType<MessagePackSerializationException>(violation.InnerException);
    }

    private static async Task AssertComesBackAsync<TMessage>(IMessageProtocol<TMessage> protocol, TMessage message)
    {
        await using MessagePlace server = await MessagePlace.StartAsync("plain", listen => listen.UseSocketHandler(protocol, (connection, echoed) =>
        {
            connection.Write(echoed);
        }));
        var sent = new ArrayBufferWriter<byte>();
        protocol.Write(message, sent);

        await server.Client.SendAsync(sent.WrittenMemory);
        byte[] answer = await server.Client.ReceiveExactlyAsync(sent.WrittenCount);

        Assert.Equal(sent.WrittenSpan, answer);
    }
}

[MessagePackObject]
public sealed record PackedReading
{
    [Key(0)]
    public string Sensor { get; init; } = "";

    [Key(1)]
    public double Value { get; init; }
}

[MemoryPackable]
internal sealed partial record MemoryReading(string Sensor, double Value);
