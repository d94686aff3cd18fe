using System.IO.Pipelines;
using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "P4")]
public abstract class EndOfOutputTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 5)]
    [InlineData(true, 5)]
    [InlineData(false, 300_000)]
    [InlineData(true, 300_000)]
    public async Task Complete_sends_what_was_written_and_not_flushed_then_the_end(bool asynchronous, int length)
    {
        byte[] data = RandomNumberGenerator.GetBytes(length);
        data.CopyTo(Output.GetMemory(length));
        Output.Advance(length);

        await CompleteAsync(asynchronous);

        Assert.Equal(data, await Pair.ReceiveToEndAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_peer_has_not_received_yet_arrives_before_the_end(bool asynchronous)
    {
        byte[] data = RandomNumberGenerator.GetBytes(20_000_000);
        Task<FlushResult> flushing = Output.WriteAsync(data).AsTask();

        // Complete without a wait for the flush is a misuse; but a flush may have been cancelled.
        Output.CancelPendingFlush();
        await flushing.Soon();
        Task completing = CompleteAsync(asynchronous);

        byte[] received = await Pair.ReceiveToEndAsync();

        BytesAssert.Same(data, received);
        await completing.Soon();
    }

    [Fact]
    public async Task Completed_with_an_exception_the_stream_ends_for_the_peer_in_one_way_or_the_other()
    {
        await Output.CompleteAsync(new InvalidTimeZoneException()).Soon();

        byte[] received = [];
        Exception? exception = await Record.ExceptionAsync(async () => received = await Pair.ReceiveToEndAsync());

        Assert.True(exception is null or IOException or InvalidTimeZoneException, exception?.ToString());
        Assert.Empty(received);
    }

    [Fact]
    public async Task After_the_writers_end_reading_goes_on()
    {
        await Output.WriteAsync("bye"u8.ToArray()).Soon();
        await Output.CompleteAsync().Soon();
        Assert.Equal("bye"u8.ToArray(), await Pair.ReceiveToEndAsync());

        await Pair.SendAsync("one more thing"u8.ToArray());
        Pair.FinishSending();

        Assert.Equal("one more thing"u8.ToArray(), await Input.TakeToEndAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_peer_has_gone_a_flush_tells_that_it_is_completed(bool reset)
    {
        Leave(reset);

        // Only an answer to what was sent tells that nobody is there.
        using var giveUp = new CancellationTokenSource(Timeouts.Generous);
        FlushResult result;
        do
        {
            result = await Output.WriteAsync(new byte[1000]).Soon();
        }
        while (!result.IsCompleted && !giveUp.IsCancellationRequested);

        Assert.True(result.IsCompleted);
        Assert.False(result.IsCanceled);
        Assert.True((await Output.FlushAsync().Soon()).IsCompleted);
        Assert.True((await Output.WriteAsync(new byte[1000]).Soon()).IsCompleted);
        Output.GetSpan(10)[0] = 1;
        Output.Advance(1);
        Assert.True((await Output.FlushAsync().Soon()).IsCompleted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_peer_goes_a_waiting_flush_completes(bool reset)
    {
        Task<FlushResult> flushing = Output.WriteAsync(new byte[64 * 1024 * 1024]).AsTask();
        for (int round = 0; round < 20; round++)
        {
            await Pair.PingAsync();
        }

        Assert.False(flushing.IsCompleted);
        Leave(reset);

        FlushResult result = await flushing.Soon();
        Assert.True(result.IsCompleted);
        Assert.False(result.IsCanceled);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Completing_both_sides_twice_in_any_order_does_no_harm(bool readerFirst)
    {
        for (int round = 0; round < 2; round++)
        {
            if (readerFirst)
            {
                Input.Complete();
            }

            Output.Complete();
            await Output.CompleteAsync().Soon();
            Input.Complete();
            await Input.CompleteAsync().Soon();
            Input.CancelPendingRead();
            Output.CancelPendingFlush();
        }

        Assert.Empty(await Pair.ReceiveToEndAsync());
    }

    private void Leave(bool reset)
    {
        if (reset)
        {
            Pair.Reset();
        }
        else
        {
            Pair.Leave();
        }
    }

    private async Task CompleteAsync(bool asynchronous)
    {
        if (asynchronous)
        {
            await Output.CompleteAsync().Soon();
        }
        else
        {
            Output.Complete();
        }
    }
}

public sealed class EventLoopEndOfOutputTests() : EndOfOutputTests(SocketTransportDriver.EventLoop);

public sealed class SocketEndOfOutputTests() : EndOfOutputTests(SocketTransportDriver.Socket);

public sealed class MemoryEndOfOutputTests() : EndOfOutputTests(null);
