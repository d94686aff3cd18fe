using System.IO.Pipelines;
using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "P2")]
public abstract class BackPressureTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    // More than all the buffers between the two sides hold.
    private const int Limit = 64 * 1024 * 1024;

    private readonly byte[] _block = new byte[64 * 1024];
    private readonly IncrementalHash _written = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private int _length;

    [Fact]
    public async Task A_flush_waits_while_the_peer_does_not_receive_and_nothing_is_lost()
    {
        Task<FlushResult> flushing = await FillAsync();

        Task receiving = ReceiveWrittenAsync();

        FlushResult result = await flushing.Soon();
        Assert.False(result.IsCanceled);
        Assert.False(result.IsCompleted);
        await receiving;
    }

    [Fact]
    public async Task CancelPendingFlush_ends_a_waiting_flush_and_the_data_still_arrives()
    {
        FlushResult result;
        do
        {
            Task<FlushResult> flushing = await FillAsync();
            await Task.Run(Output.CancelPendingFlush).Soon();

            // Where the flush came through in the last moment, the next one is cancelled.
            result = await flushing.Soon();
        }
        while (!result.IsCanceled);

        Assert.False(result.IsCompleted);
        Task<FlushResult> next = WriteAsync();
        await ReceiveWrittenAsync();
        Assert.False((await next.Soon()).IsCanceled);
    }

    [Fact]
    public async Task A_token_ends_a_waiting_flush_and_the_data_still_arrives()
    {
        Exception? exception;
        CancellationToken token;
        do
        {
            using var source = new CancellationTokenSource();
            token = source.Token;
            Task<FlushResult> flushing = await FillAsync(token);
            await source.CancelAsync();

            // None where the flush came through in the last moment.
            exception = await Record.ExceptionAsync(() => flushing.Soon());
        }
        while (exception is null);

        OperationCanceledException cancelled = Assert.IsAssignableFrom<OperationCanceledException>(exception);
        Assert.Equal(token, cancelled.CancellationToken);
        Task<FlushResult> next = WriteAsync();
        await ReceiveWrittenAsync();
        FlushResult result = await next.Soon();
        Assert.False(result.IsCanceled);
        Assert.False(result.IsCompleted);
    }

    [Fact]
    public async Task CancelPendingFlush_before_a_flush_cancels_that_one_alone_and_the_data_arrives()
    {
        Output.CancelPendingFlush();
        Output.CancelPendingFlush();

        FlushResult result = await Output.WriteAsync("hello"u8.ToArray()).Soon();

        Assert.True(result.IsCanceled);
        Assert.False(result.IsCompleted);
        Assert.Equal("hello"u8.ToArray(), await Pair.ReceiveAsync(5));
        result = await Output.WriteAsync(" world"u8.ToArray()).Soon();
        Assert.False(result.IsCanceled);
        Assert.Equal(" world"u8.ToArray(), await Pair.ReceiveAsync(6));
    }

    [Fact]
    public async Task With_a_cancelled_token_a_flush_throws_and_what_was_written_goes_with_the_next()
    {
        "hello"u8.CopyTo(Output.GetSpan(5));
        Output.Advance(5);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Output.FlushAsync(new CancellationToken(canceled: true)).Soon());

        Assert.False((await Output.WriteAsync(" world"u8.ToArray()).Soon()).IsCanceled);
        Assert.Equal("hello world"u8.ToArray(), await Pair.ReceiveAsync(11));
    }

    [Fact]
    public async Task A_token_that_is_cancelled_after_the_flush_changes_nothing()
    {
        using var source = new CancellationTokenSource();
        await Output.WriteAsync("hello"u8.ToArray(), source.Token).Soon();

        await source.CancelAsync();

        Assert.False((await Output.WriteAsync(" world"u8.ToArray()).Soon()).IsCanceled);
        Assert.Equal("hello world"u8.ToArray(), await Pair.ReceiveAsync(11));
    }

    [Fact]
    public async Task Cancelling_all_the_time_from_another_thread_loses_nothing()
    {
        using var done = new CancellationTokenSource();
        Task cancelling = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                Output.CancelPendingFlush();
                Thread.Yield();
            }
        });
        Task<byte[]> receiving = Pair.ReceiveToEndAsync();
        int canceled = 0;
        while (_length < 8 * 1024 * 1024 || (canceled == 0 && _length < 10 * Limit))
        {
            canceled += (await WriteAsync().Soon()).IsCanceled ? 1 : 0;
        }

        Assert.NotEqual(0, canceled);
        await done.CancelAsync();
        await cancelling.Soon();
        await Output.CompleteAsync().Soon();
        Assert.Equal(_written.GetHashAndReset(), SHA256.HashData(await receiving));
    }

    [Fact]
    [Trait("Row", "P1")]
    public async Task A_reader_that_does_not_read_holds_the_peer_back_and_nothing_is_lost()
    {
        byte[] data = RandomNumberGenerator.GetBytes(Limit);
        Task sending = Pair.SendAsync(data);

        // The time that these take is what the peer would need to send it all.
        for (int round = 0; round < 100; round++)
        {
            await Pair.AnswerAsync();
        }

        Assert.False(sending.IsCompleted);
        BytesAssert.Same(data, await Input.TakeAsync(data.Length));
        await sending;
    }

    /// <summary>Writes until a flush waits for the peer, or is cancelled.</summary>
    private async Task<Task<FlushResult>> FillAsync(CancellationToken cancellationToken = default)
    {
        while (_length < Limit)
        {
            Task<FlushResult> flushing = WriteAsync(cancellationToken);
            for (int round = 0; round < 100 && !flushing.IsCompleted; round++)
            {
                await Pair.PingAsync();
            }

            if (!flushing.IsCompleted || (await flushing).IsCanceled)
            {
                return flushing;
            }

            Assert.False((await flushing).IsCompleted);
        }

        throw new InvalidOperationException($"{_length} bytes were flushed to a peer that receives nothing.");
    }

    private Task<FlushResult> WriteAsync(CancellationToken cancellationToken = default)
    {
        RandomNumberGenerator.Fill(_block);
        _written.AppendData(_block);
        _length += _block.Length;
        return Output.WriteAsync(_block, cancellationToken).AsTask();
    }

    private async Task ReceiveWrittenAsync()
        => Assert.Equal(_written.GetHashAndReset(), SHA256.HashData(await Pair.ReceiveAsync(_length)));
}

public sealed class EventLoopBackPressureTests() : BackPressureTests(SocketTransportDriver.EventLoop);

public sealed class SocketBackPressureTests() : BackPressureTests(SocketTransportDriver.Socket);

public sealed class MemoryBackPressureTests() : BackPressureTests(null);
