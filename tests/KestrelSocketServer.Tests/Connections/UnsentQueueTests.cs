using System.IO.Pipelines;
using CsCheck;
using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Tests.Connections;

[Trait("Row", "C9")]
public sealed class UnsentQueueTests
{
    [Fact]
    public void What_goes_in_comes_out_in_order() => Gen.Byte.Array[0, 40_000].Array[0, 6].Sample(
        writes =>
        {
            var queue = new UnsentQueue();
            foreach (byte[] data in writes)
            {
                queue.Append(data);
            }

            byte[] expected = [.. writes.SelectMany(data => data)];
            Assert.Equal(expected, MoveAll(queue, limit: 10_000));
            Assert.True(queue.IsEmpty);
        },
        iter: 50);

    [Fact]
    public void A_reserved_room_is_as_large_as_asked_for()
    {
        var queue = new UnsentQueue();
        queue.Append([1, 2, 3]);
        Span<byte> room = queue.GetSpan(100_000);
        Assert.True(room.Length >= 100_000);
        room[..100_000].Fill(7);
        queue.Advance(100_000);

        Assert.Equal([1, 2, 3, .. Enumerable.Repeat((byte)7, 100_000)], MoveAll(queue, limit: int.MaxValue));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Advancing_past_what_was_reserved_is_refused(int count)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new UnsentQueue().Advance(count));

    [Fact]
    public void A_cleared_queue_is_empty()
    {
        var queue = new UnsentQueue();
        queue.Append(new byte[100_000]);
        queue.Clear();

        Assert.True(queue.IsEmpty);
        Assert.Empty(MoveAll(queue, limit: 1));
    }

    private static byte[] MoveAll(UnsentQueue queue, long limit)
    {
        using var written = new MemoryStream();
        PipeWriter writer = PipeWriter.Create(written);
        long moved = 0;
        while (!queue.IsEmpty)
        {
            moved += queue.MoveTo(writer, limit);
        }

        writer.Complete();
        byte[] bytes = written.ToArray();
        Assert.Equal(bytes.Length, moved);
        return bytes;
    }
}
