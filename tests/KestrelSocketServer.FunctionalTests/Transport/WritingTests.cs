using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "P2")]
public abstract class WritingTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(100_000)]
    public async Task There_is_as_much_memory_as_was_asked_for_and_all_of_it_can_be_used(int sizeHint)
    {
        Memory<byte> memory = Output.GetMemory(sizeHint);
        Assert.True(memory.Length >= Math.Max(1, sizeHint));
        byte[] first = RandomNumberGenerator.GetBytes(memory.Length);
        first.CopyTo(memory);
        Output.Advance(first.Length);
        byte[] second = WriteToSpan(sizeHint);

        Task<FlushResult> flushing = Output.FlushAsync().AsTask();

        Assert.Equal(first, await Pair.ReceiveAsync(first.Length));
        Assert.Equal(second, await Pair.ReceiveAsync(second.Length));
        await flushing.Soon();

        byte[] WriteToSpan(int hint)
        {
            Span<byte> span = Output.GetSpan(hint);
            Assert.True(span.Length >= Math.Max(1, hint));
            byte[] written = RandomNumberGenerator.GetBytes(span.Length);
            written.CopyTo(span);
            Output.Advance(written.Length);
            return written;
        }
    }

    [Fact]
    public async Task Only_what_was_advanced_over_is_sent()
    {
        "hello"u8.CopyTo(Output.GetSpan(5));
        Output.Advance(2);
        "xxxxx"u8.CopyTo(Output.GetSpan(5));
        Output.Advance(0);
        "y"u8.CopyTo(Output.GetSpan(1));
        "llo"u8.CopyTo(Output.GetSpan(10_000));
        Output.Advance(3);
        await Output.FlushAsync().Soon();
        Output.Complete();

        Assert.Equal("hello"u8.ToArray(), await Pair.ReceiveToEndAsync());
    }

    [Fact]
    public async Task The_unflushed_bytes_are_counted()
    {
        Assert.True(Output.CanGetUnflushedBytes);
        Assert.Equal(0, Output.UnflushedBytes);
        Output.GetMemory(100);
        Assert.Equal(0, Output.UnflushedBytes);
        Output.Advance(60);
        Assert.Equal(60, Output.UnflushedBytes);
        Output.Write(new byte[50_000]);
        Assert.Equal(50_060, Output.UnflushedBytes);

        Task<FlushResult> flushing = Output.FlushAsync().AsTask();

        Assert.Equal(0, Output.UnflushedBytes);
        await Pair.ReceiveAsync(50_060);
        await flushing.Soon();
        await Output.WriteAsync(new byte[10]).Soon();
        Assert.Equal(0, Output.UnflushedBytes);
    }

    [Fact]
    public async Task Many_pieces_of_all_lengths_arrive_in_order_after_one_flush()
    {
        byte[] data = RandomNumberGenerator.GetBytes(500 * 501 / 2);
        int written = 0;
        for (int length = 1; length <= 500; length++)
        {
            data.AsSpan(written, length).CopyTo(Output.GetSpan(length));
            Output.Advance(length);
            written += length;
        }

        Task<FlushResult> flushing = Output.FlushAsync().AsTask();

        Assert.Equal(data, await Pair.ReceiveAsync(data.Length));
        await flushing.Soon();
    }

    [Fact]
    public async Task Many_small_writes_arrive_in_order()
    {
        byte[] data = RandomNumberGenerator.GetBytes(50_000);
        Task<byte[]> receiving = Pair.ReceiveAsync(data.Length);
        for (int written = 0; written < data.Length; written += 10)
        {
            FlushResult result = await Output.WriteAsync(data.AsMemory(written, 10)).Soon();
            Assert.False(result.IsCompleted);
            Assert.False(result.IsCanceled);
        }

        Assert.Equal(data, await receiving);
    }

    [Fact]
    public async Task Once_a_write_has_completed_its_source_is_the_callers_again()
    {
        byte[] block = new byte[10_000];
        Task<byte[]> receiving = Pair.ReceiveAsync(200 * block.Length);
        for (int round = 0; round < 200; round++)
        {
            block.AsSpan().Fill((byte)round);
            await Output.WriteAsync(block).Soon();
        }

        block.AsSpan().Fill(255);
        byte[] received = await receiving;
        for (int round = 0; round < 200; round++)
        {
            Assert.Equal(-1, received.AsSpan(round * block.Length, block.Length).IndexOfAnyExcept((byte)round));
        }
    }

    [Fact]
    public async Task One_write_may_be_of_any_length()
    {
        byte[] data = RandomNumberGenerator.GetBytes(20_000_000);

        Task<FlushResult> writing = Output.WriteAsync(data).AsTask();

        BytesAssert.Same(data, await Pair.ReceiveAsync(data.Length));
        FlushResult result = await writing.Soon();
        Assert.False(result.IsCompleted);
        Assert.False(result.IsCanceled);
    }

    [Fact]
    public async Task A_flush_of_nothing_completes()
    {
        for (int round = 0; round < 3; round++)
        {
            FlushResult result = await Output.FlushAsync().Soon();
            Assert.False(result.IsCompleted);
            Assert.False(result.IsCanceled);
            result = await Output.WriteAsync(Memory<byte>.Empty).Soon();
            Assert.False(result.IsCompleted);
            Assert.False(result.IsCanceled);
        }

        await Output.WriteAsync("hello"u8.ToArray()).Soon();
        Assert.Equal("hello"u8.ToArray(), await Pair.ReceiveAsync(5));
    }

    [Fact]
    public async Task As_a_stream_that_leaves_it_open()
    {
        byte[] data = RandomNumberGenerator.GetBytes(300_000);
        Task<byte[]> receiving = Pair.ReceiveToEndAsync();

        await using (Stream stream = Output.AsStream(leaveOpen: true))
        {
            await stream.WriteAsync(data.AsMemory(0, 200_000)).Soon();
            await stream.FlushAsync().Soon();
        }

        await Output.WriteAsync(data.AsMemory(200_000)).Soon();
        await Output.CompleteAsync().Soon();
        Assert.Equal(data, await receiving);
    }

    [Fact]
    public async Task As_a_stream_that_ends_it()
    {
        byte[] data = RandomNumberGenerator.GetBytes(300_000);
        Task<byte[]> receiving = Pair.ReceiveToEndAsync();

        await using (Stream stream = Output.AsStream())
        {
            await stream.WriteAsync(data).Soon();
        }

        Assert.Equal(data, await receiving);
    }
}

public sealed class EventLoopWritingTests() : WritingTests(SocketTransportDriver.EventLoop);

public sealed class SocketWritingTests() : WritingTests(SocketTransportDriver.Socket);

public sealed class MemoryWritingTests() : WritingTests(null);
