using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "P1")]
public abstract class ReadCancellationTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    private static readonly CancellationToken Cancelled = new(canceled: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task With_a_cancelled_token_a_read_throws_and_takes_nothing(bool atLeast)
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.AdvanceTo(buffer.Start);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Read(atLeast, Cancelled).Soon());

        Assert.Equal("hello"u8.ToArray(), await Input.TakeAsync(5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_token_ends_a_waiting_read_and_the_next_one_loses_nothing(bool atLeast)
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.AdvanceTo(buffer.GetPosition(1), buffer.End);
        using var source = new CancellationTokenSource();
        Task<ReadResult> waiting = Read(atLeast, source.Token).AsTask();
        Assert.False(waiting.IsCompleted);

        await source.CancelAsync();

        OperationCanceledException exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        Assert.Equal(source.Token, exception.CancellationToken);
        Task<ReadResult> next = Input.ReadAsync().AsTask();
        Assert.False(next.IsCompleted);
        await Pair.SendAsync("!"u8.ToArray());
        Assert.Equal("ello!", (await next.Soon()).Buffer.Text());
    }

    [Fact]
    public async Task A_token_that_is_cancelled_after_the_read_changes_nothing()
    {
        using var source = new CancellationTokenSource();
        Task<ReadResult> waiting = Input.ReadAsync(source.Token).AsTask();
        await Pair.SendAsync("hello"u8.ToArray());
        ReadResult result = await waiting.Soon();

        await source.CancelAsync();

        Input.AdvanceTo(result.Buffer.End);
        waiting = Input.ReadAsync().AsTask();
        Assert.False(waiting.IsCompleted);
        await Pair.SendAsync("!"u8.ToArray());
        Assert.Equal("!", (await waiting.Soon()).Buffer.Text());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CancelPendingRead_ends_a_waiting_read_once_and_loses_nothing(bool atLeast)
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.AdvanceTo(buffer.GetPosition(1), buffer.End);
        Task<ReadResult> waiting = Read(atLeast, CancellationToken.None).AsTask();
        Assert.False(waiting.IsCompleted);

        await Task.Run(Input.CancelPendingRead).Soon();

        ReadResult result = await waiting.Soon();
        Assert.True(result.IsCanceled);
        Assert.False(result.IsCompleted);
        Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        Task<ReadResult> next = Input.ReadAsync().AsTask();
        Assert.False(next.IsCompleted);
        await Pair.SendAsync("!"u8.ToArray());
        result = await next.Soon();
        Assert.False(result.IsCanceled);
        Assert.Equal("ello!", result.Buffer.Text());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CancelPendingRead_before_a_read_cancels_that_one_alone(bool atLeast)
    {
        Input.CancelPendingRead();
        Input.CancelPendingRead();

        ReadResult result = await Read(atLeast, CancellationToken.None).Soon();

        Assert.True(result.IsCanceled);
        Assert.True(result.Buffer.IsEmpty);
        Input.AdvanceTo(result.Buffer.End);
        Task<ReadResult> next = Input.ReadAsync().AsTask();
        Assert.False(next.IsCompleted);
        await Pair.SendAsync("!"u8.ToArray());
        result = await next.Soon();
        Assert.False(result.IsCanceled);
        Assert.Equal("!", result.Buffer.Text());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CancelPendingRead_with_data_there_loses_nothing(bool tryRead)
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.CancelPendingRead();
        Input.AdvanceTo(buffer.Start);

        ReadResult result;
        if (tryRead)
        {
            Assert.True(Input.TryRead(out result));
        }
        else
        {
            result = await Input.ReadAsync().Soon();
        }

        Assert.True(result.IsCanceled);
        Input.AdvanceTo(result.Buffer.Start);
        result = await Input.ReadAsync().Soon();
        Assert.False(result.IsCanceled);
        Assert.Equal("hello", result.Buffer.Text());
    }

    [Fact]
    public async Task CancelPendingRead_ends_the_read_of_a_stream_and_the_next_one_loses_nothing()
    {
        Stream stream = Input.AsStream();
        byte[] read = new byte[5];
        Task<int> waiting = stream.ReadAsync(read).AsTask();

        Input.CancelPendingRead();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        await Pair.SendAsync("hello"u8.ToArray());
        await stream.ReadExactlyAsync(read).Soon();
        Assert.Equal("hello"u8.ToArray(), read);
    }

    [Fact]
    public async Task Cancelling_that_races_with_data_loses_nothing()
    {
        byte[] data = RandomNumberGenerator.GetBytes(500);
        for (int round = 0; round < data.Length; round++)
        {
            using var source = new CancellationTokenSource();
            bool byToken = round % 2 == 0;
            Task<ReadResult> waiting = Input.ReadAsync(source.Token).AsTask();
            Action cancel = byToken ? () => source.Cancel() : Input.CancelPendingRead;
            Task cancelling = Task.Run(cancel);
            Task sending = Pair.SendAsync(data.AsMemory(round, 1));

            Exception? exception = await Record.ExceptionAsync(() => waiting.Soon());

            await cancelling.Soon();
            await sending;
            if (exception is null)
            {
                // Whether the cancellation came before the data or after it, nothing is consumed yet.
                ReadResult result = await waiting;
                Input.AdvanceTo(result.Buffer.Start);
            }
            else
            {
                Assert.IsAssignableFrom<OperationCanceledException>(exception);
                Assert.True(byToken);
            }

            ReadResult next = await Input.ReadAsync().Soon();
            if (next.IsCanceled)
            {
                Assert.False(byToken);
                Input.AdvanceTo(next.Buffer.Start);
                next = await Input.ReadAsync().Soon();
            }

            Assert.False(next.IsCanceled);
            Assert.Equal(data[round], Assert.Single(next.Buffer.ToArray()));
            Input.AdvanceTo(next.Buffer.End);
        }
    }

    [Fact]
    public async Task Cancelling_all_the_time_from_another_thread_loses_nothing()
    {
        byte[] data = RandomNumberGenerator.GetBytes(8 * 1024 * 1024);
        Task sending = Pair.SendAsync(data);
        using var done = new CancellationTokenSource();
        Task cancelling = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                Input.CancelPendingRead();
                Thread.Yield();
            }
        });
        int taken = 0;
        int canceled = 0;
        while (taken < data.Length || canceled == 0)
        {
            ReadResult result = await Input.ReadAsync().Soon();
            canceled += result.IsCanceled ? 1 : 0;
            byte[] chunk = result.Buffer.ToArray();
            BytesAssert.Same(data.AsMemory(taken, chunk.Length), chunk);
            taken += chunk.Length;
            Input.AdvanceTo(result.Buffer.End);
        }

        await done.CancelAsync();
        await cancelling.Soon();
        await sending;
    }

    private ValueTask<ReadResult> Read(bool atLeast, CancellationToken cancellationToken)
        => atLeast ? Input.ReadAtLeastAsync(100, cancellationToken) : Input.ReadAsync(cancellationToken);
}

public sealed class EventLoopReadCancellationTests() : ReadCancellationTests(SocketTransportDriver.EventLoop);

public sealed class SocketReadCancellationTests() : ReadCancellationTests(SocketTransportDriver.Socket);

public sealed class MemoryReadCancellationTests() : ReadCancellationTests(null);
