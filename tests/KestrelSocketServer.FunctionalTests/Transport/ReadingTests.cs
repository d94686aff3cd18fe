using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "P1")]
public abstract class ReadingTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    [Fact]
    public async Task What_was_not_examined_is_returned_again_at_once()
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);

        Input.AdvanceTo(buffer.Start, buffer.GetPosition(4));

        ReadResult again = await Input.ReadAsync().Soon();
        Assert.Equal("hello", again.Buffer.Text());
        Assert.False(again.IsCompleted);
        Assert.False(again.IsCanceled);
    }

    [Fact]
    public async Task One_position_means_consumed_and_examined()
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);

        Input.AdvanceTo(buffer.GetPosition(2));

        ReadResult rest = await Input.ReadAsync().Soon();
        Assert.Equal("llo", rest.Buffer.Text());
        Input.AdvanceTo(rest.Buffer.End);
        ValueTask<ReadResult> waiting = Input.ReadAsync();
        Assert.False(waiting.IsCompleted);
        await Pair.SendAsync("!"u8.ToArray());
        Assert.Equal("!", (await waiting.Soon()).Buffer.Text());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task What_was_examined_and_not_consumed_comes_together_with_new_data(int consumed)
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.AdvanceTo(buffer.GetPosition(consumed), buffer.End);

        ValueTask<ReadResult> waiting = Input.ReadAsync();

        Assert.False(waiting.IsCompleted);
        await Pair.SendAsync("!"u8.ToArray());
        Assert.Equal("hello!"[consumed..], (await waiting.Soon()).Buffer.Text());
    }

    [Fact]
    public async Task Nothing_consumed_and_nothing_examined_changes_nothing()
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        for (int round = 0; round < 5; round++)
        {
            Input.AdvanceTo(buffer.Start);
            buffer = (await Input.ReadAsync().Soon()).Buffer;
            Assert.Equal("hello", buffer.Text());
        }
    }

    [Fact]
    public async Task A_sequence_may_be_cut_anywhere()
    {
        byte[] data = RandomNumberGenerator.GetBytes(100_000);
        Task sending = Pair.SendAsync(data);
        ReadOnlySequence<byte> buffer = (await Input.ReadAtLeastAsync(data.Length).Soon()).Buffer;
        Assert.Equal(data, buffer.ToArray());

        // Around each border between segments, and in the middle of them.
        int start = 0;
        int border = 0;
        foreach (int length in Lengths(buffer))
        {
            border += length;
            foreach (int cut in new[] { border - (length / 2), border - 1, border, border + 1 }.Where(cut => cut > start && cut < data.Length))
            {
                Input.AdvanceTo(buffer.GetPosition(cut - start), buffer.GetPosition(Math.Min(cut + 3, data.Length - 1) - start));
                start = cut;
                buffer = (await Input.ReadAsync().Soon()).Buffer;
                BytesAssert.Same(data.AsMemory(cut), buffer.ToArray());
            }
        }

        Assert.True(start > 0);
        Input.AdvanceTo(buffer.End);
        await sending;
    }

    [Fact]
    public async Task A_message_larger_than_any_buffer_can_be_gathered()
    {
        byte[] data = RandomNumberGenerator.GetBytes(4 * 1024 * 1024);

        Task sending = Pair.SendAsync(data);

        BytesAssert.Same(data, await Input.TakeAsync(data.Length));
        await sending;
    }

    [Fact]
    public async Task What_a_read_returned_stays_as_it_is_while_more_comes()
    {
        byte[] data = RandomNumberGenerator.GetBytes(50_000);
        await Pair.SendAsync(data.AsMemory(0, 100));
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(100);

        await Pair.SendAsync(data.AsMemory(100));
        await Pair.AnswerAsync();

        Assert.Equal(data.AsSpan(0, 100).ToArray(), buffer.ToArray());
        Input.AdvanceTo(buffer.Start, buffer.End);
        Assert.Equal(data, await Input.TakeAsync(data.Length));
    }

    [Fact]
    public async Task Nothing_sent_completes_no_read()
    {
        ValueTask<ReadResult> waiting = Input.ReadAsync();

        await Pair.SendAsync(Memory<byte>.Empty);
        await Pair.AnswerAsync();

        Assert.False(waiting.IsCompleted);
        await Pair.SendAsync("x"u8.ToArray());
        Assert.Equal("x", (await waiting.Soon()).Buffer.Text());
    }

    [Fact]
    public async Task TryRead_tells_whether_there_is_something_to_examine()
    {
        Assert.False(Input.TryRead(out _));
        Assert.False(Input.TryRead(out _));
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.AdvanceTo(buffer.Start, buffer.GetPosition(1));

        Assert.True(Input.TryRead(out ReadResult result));
        Assert.Equal("hello", result.Buffer.Text());
        Input.AdvanceTo(result.Buffer.GetPosition(2), result.Buffer.End);
        Assert.False(Input.TryRead(out _));

        await Pair.SendAsync("!"u8.ToArray());
        Assert.Equal("llo!", (await Input.ReadAsync().Soon()).Buffer.Text());
    }

    private static int[] Lengths(ReadOnlySequence<byte> buffer)
    {
        List<int> lengths = [];
        foreach (ReadOnlyMemory<byte> segment in buffer)
        {
            lengths.Add(segment.Length);
        }

        return [.. lengths];
    }
}

public sealed class EventLoopReadingTests() : ReadingTests(SocketTransportDriver.EventLoop);

public sealed class SocketReadingTests() : ReadingTests(SocketTransportDriver.Socket);

public sealed class MemoryReadingTests() : ReadingTests(null);
