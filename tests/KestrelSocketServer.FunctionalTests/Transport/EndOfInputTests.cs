using System.IO.Pipelines;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "P4")]
public abstract class EndOfInputTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    [Fact]
    public async Task The_peers_end_completes_a_waiting_read_and_all_that_follow()
    {
        ValueTask<ReadResult> waiting = Input.ReadAsync();
        Assert.False(waiting.IsCompleted);

        Pair.FinishSending();

        ReadResult result = await waiting.Soon();
        for (int round = 0; round < 3; round++)
        {
            Assert.True(result.IsCompleted);
            Assert.False(result.IsCanceled);
            Assert.True(result.Buffer.IsEmpty);
            Input.AdvanceTo(result.Buffer.End);
            result = await Input.ReadAsync().Soon();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100_000)]
    [InlineData(5_000_000)]
    public async Task What_was_sent_before_the_end_comes_before_the_end(int length)
    {
        byte[] data = RandomNumberGenerator.GetBytes(length);
        Task sending = SendAndFinishAsync();

        byte[] taken = await Input.TakeToEndAsync();

        BytesAssert.Same(data, taken);
        await sending;

        async Task SendAndFinishAsync()
        {
            await Pair.SendAsync(data);
            Pair.FinishSending();
        }
    }

    [Fact]
    public async Task At_the_end_what_is_left_is_returned_until_it_is_consumed()
    {
        await Pair.SendAsync("hello"u8.ToArray());
        Pair.FinishSending();
        ReadResult result = await ReadToEndAsync();
        Assert.Equal("hello", result.Buffer.Text());

        // All examined: a read that waited now would wait for ever.
        Input.AdvanceTo(result.Buffer.GetPosition(2), result.Buffer.End);
        result = await Input.ReadAsync().Soon();
        Assert.True(result.IsCompleted);
        Assert.Equal("llo", result.Buffer.Text());

        Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        Assert.True(Input.TryRead(out result));
        Assert.True(result.IsCompleted);
        Assert.Equal("llo", result.Buffer.Text());

        Input.AdvanceTo(result.Buffer.End);
        Assert.True(Input.TryRead(out result));
        Assert.True(result.IsCompleted);
        Assert.True(result.Buffer.IsEmpty);
    }

    [Fact]
    public async Task The_end_gives_a_waiting_ReadAtLeast_what_there_is()
    {
        ValueTask<ReadResult> waiting = Input.ReadAtLeastAsync(100);
        await Pair.SendAsync("hello"u8.ToArray());
        Pair.FinishSending();

        ReadResult result = await waiting.Soon();

        Assert.True(result.IsCompleted);
        Assert.Equal("hello", result.Buffer.Text());
        Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        result = await Input.ReadAtLeastAsync(100).Soon();
        Assert.True(result.IsCompleted);
        Assert.Equal("hello", result.Buffer.Text());
    }

    [Fact]
    public async Task A_read_that_is_cancelled_does_not_hide_the_end()
    {
        Pair.FinishSending();
        Input.AdvanceTo((await Input.ReadAsync().Soon()).Buffer.End);

        Input.CancelPendingRead();

        ReadResult result = await Input.ReadAsync().Soon();
        Assert.True(result.IsCanceled);
        Input.AdvanceTo(result.Buffer.End);
        result = await Input.ReadAsync().Soon();
        Assert.False(result.IsCanceled);
        Assert.True(result.IsCompleted);
    }

    [Fact]
    public async Task A_reset_fails_a_waiting_read_and_all_that_follow()
    {
        Task<ReadResult> waiting = Input.ReadAsync().AsTask();
        Assert.False(waiting.IsCompleted);

        Pair.Reset();

        await Assert.ThrowsAsync<ConnectionResetException>(() => waiting.Soon());
        await Assert.ThrowsAsync<ConnectionResetException>(() => Input.ReadAsync().Soon());
        Assert.Throws<ConnectionResetException>(() => Input.TryRead(out _));
    }

    [Fact]
    public async Task After_the_peers_end_writing_goes_on()
    {
        byte[] data = RandomNumberGenerator.GetBytes(1_000_000);
        Pair.FinishSending();
        await Input.TakeToEndAsync();

        Task<byte[]> receiving = Pair.ReceiveToEndAsync();
        for (int written = 0; written < data.Length; written += 100_000)
        {
            FlushResult result = await Output.WriteAsync(data.AsMemory(written, 100_000)).Soon();
            Assert.False(result.IsCompleted);
        }

        await Output.CompleteAsync().Soon();
        Assert.Equal(data, await receiving);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_completed_reader_does_no_harm_to_the_peer_and_to_writing(bool reading)
    {
        await Pair.SendAsync("hello"u8.ToArray());
        if (reading)
        {
            ReadResult result = await Input.ReadAsync().Soon();
            Assert.False(result.IsCompleted);
        }

        await Input.CompleteAsync().Soon();
        Input.Complete();

        for (int round = 0; round < 10; round++)
        {
            await Pair.SendAsync("more"u8.ToArray());
            Assert.False((await Output.WriteAsync("answer"u8.ToArray()).Soon()).IsCompleted);
            Assert.Equal("answer"u8.ToArray(), await Pair.ReceiveAsync(6));
        }
    }

    private async Task<ReadResult> ReadToEndAsync()
    {
        long examined = 0;
        while (true)
        {
            ReadResult result = await Input.ReadAsync().Soon();
            if (result.IsCompleted)
            {
                return result;
            }

            Assert.True(result.Buffer.Length > examined, "A read gave nothing new.");
            examined = result.Buffer.Length;
            Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}

public sealed class EventLoopEndOfInputTests() : EndOfInputTests(SocketTransportDriver.EventLoop);

public sealed class SocketEndOfInputTests() : EndOfInputTests(SocketTransportDriver.Socket);

public sealed class MemoryEndOfInputTests() : EndOfInputTests(null);
