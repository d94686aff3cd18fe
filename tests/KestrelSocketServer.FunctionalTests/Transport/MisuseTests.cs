using System.Buffers;
using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Transport;

public abstract class MisuseTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    [Fact]
    [Trait("Row", "P1")]
    public async Task A_second_read_before_the_first_is_advanced_throws()
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);

        await Assert.ThrowsAsync<InvalidOperationException>(() => Input.ReadAsync().Soon());
        Assert.Throws<InvalidOperationException>(() => Input.TryRead(out _));

        Input.AdvanceTo(buffer.GetPosition(1));
        Assert.Equal("ello"u8.ToArray(), await Input.TakeAsync(4));
    }

    [Fact]
    [Trait("Row", "P1")]
    public async Task A_second_read_while_one_waits_throws()
    {
        Task<ReadResult> waiting = Input.ReadAsync().AsTask();

        Assert.Throws<InvalidOperationException>(() => Input.TryRead(out _));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Input.ReadAsync().Soon());

        // It is not said how the first one ends, but it does.
        Pair.FinishSending();
        Exception? exception = await Record.ExceptionAsync(() => waiting.Soon());
        Assert.True(exception is null or InvalidOperationException, exception?.ToString());
    }

    [Fact]
    [Trait("Row", "P1")]
    public async Task Advancing_without_a_read_throws()
    {
        Assert.Throws<InvalidOperationException>(() => Input.AdvanceTo(default));
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.AdvanceTo(buffer.GetPosition(1));

        Assert.Throws<InvalidOperationException>(() => Input.AdvanceTo(buffer.GetPosition(2)));
    }

    [Fact]
    [Trait("Row", "P1")]
    public async Task Examining_less_than_is_consumed_throws_and_consumes_nothing()
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);

        Assert.Throws<InvalidOperationException>(() => Input.AdvanceTo(buffer.GetPosition(3), buffer.GetPosition(2)));

        Input.AdvanceTo(buffer.GetPosition(1));
        Assert.Equal("ello"u8.ToArray(), await Input.TakeAsync(4));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "P1")]
    public async Task A_completed_reader_cannot_be_read(bool reading)
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        SequencePosition end = buffer.End;
        if (!reading)
        {
            Input.AdvanceTo(end);
        }

        Input.Complete();

        await Assert.ThrowsAsync<InvalidOperationException>(() => Input.ReadAsync().Soon());
        await Assert.ThrowsAsync<InvalidOperationException>(() => Input.ReadAtLeastAsync(1).Soon());
        Assert.Throws<InvalidOperationException>(() => Input.TryRead(out _));
        Assert.Throws<InvalidOperationException>(() => Input.AdvanceTo(end));
    }

    [Fact]
    [Trait("Row", "P2")]
    public async Task Advancing_over_more_memory_than_there_is_throws_and_sends_nothing()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Output.Advance(1));
        int length = Output.GetMemory(10).Length;
        Assert.Throws<ArgumentOutOfRangeException>(() => Output.Advance(length + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Output.Advance(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Output.GetMemory(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Output.GetSpan(-1).Length.ToString());
        Output.Advance(0);
        Output.Write("hello"u8);

        await Output.CompleteAsync().Soon();

        Assert.Equal("hello"u8.ToArray(), await Pair.ReceiveToEndAsync());
    }

    [Fact]
    [Trait("Row", "P2")]
    public async Task A_completed_writer_cannot_be_written_to()
    {
        await Output.WriteAsync("hello"u8.ToArray()).Soon();
        Output.Complete();

        Assert.Throws<InvalidOperationException>(() => Output.GetMemory());
        Assert.Throws<InvalidOperationException>(() => Output.GetSpan(10).Length.ToString());
        await Assert.ThrowsAsync<InvalidOperationException>(() => Output.WriteAsync("x"u8.ToArray()).Soon());
        Assert.Equal("hello"u8.ToArray(), await Pair.ReceiveToEndAsync());
    }
}

public sealed class EventLoopMisuseTests() : MisuseTests(SocketTransportDriver.EventLoop);

public sealed class SocketMisuseTests() : MisuseTests(SocketTransportDriver.Socket);

public sealed class MemoryMisuseTests() : MisuseTests(null);
