using System.Buffers;
using System.Buffers.Binary;
using CsCheck;
using KestrelSocketServer.Tls;

namespace KestrelSocketServer.Tests.Tls;

[Trait("Row", "T4")]
public sealed class ClientHelloAssemblerTests
{
    private static readonly Gen<(byte[] Message, int[] Cuts)> Splits =
        from length in Gen.Int[10, 2000]
        from body in Gen.Byte.Array[length]
        from cuts in Gen.Int[1, length + 3].Array[1, 5]
        select (Message(body), cuts);

    [Fact]
    public void A_hello_in_several_records_becomes_one_record_however_its_bytes_arrive() => Splits.Sample(split =>
    {
        byte[] received = Records(split.Message, split.Cuts);
        var assembler = new ClientHelloAssembler();
        for (int length = 0; length < received.Length; length++)
        {
            Assert.False(assembler.TryExamine(new ReadOnlySequence<byte>(received, 0, length), out _) && assembler.Examined == received.Length);
        }

        Assert.True(assembler.TryExamine(new ReadOnlySequence<byte>(received), out ReadOnlyMemory<byte> record));
        Assert.Equal(Record(split.Message), record.ToArray());
        Assert.Equal(received.Length, assembler.Examined);
    });

    [Fact]
    public void A_hello_in_one_record_stays_as_it_is()
    {
        Assert.True(new ClientHelloAssembler().TryExamine(new ReadOnlySequence<byte>(Record(Message(new byte[100]))), out ReadOnlyMemory<byte> record));
        Assert.True(record.IsEmpty);
    }

    [Fact]
    public void Whatever_bytes_there_are_nothing_is_thrown() => Gen.Byte.Array[0, 200].Sample(
        bytes => { _ = new ClientHelloAssembler().TryExamine(new ReadOnlySequence<byte>(bytes), out _); });

    private static byte[] Message(byte[] body) => [1, 0, (byte)(body.Length >> 8), (byte)body.Length, .. body];

    private static byte[] Record(ReadOnlySpan<byte> content)
    {
        byte[] record = [22, 3, 1, 0, 0, .. content];
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(3), (ushort)content.Length);
        return record;
    }

    // Cut at each of the places, of which at least one is inside.
    private static byte[] Records(byte[] message, int[] cuts)
    {
        int[] places = [0, .. cuts.Select(cut => Math.Min(cut, message.Length - 1)).Distinct().Order(), message.Length];
        return [.. places.Zip(places.Skip(1)).SelectMany(part => Record(message.AsSpan(part.First, part.Second - part.First)))];
    }
}
