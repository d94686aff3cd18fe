using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>The other ways to read: at least so many bytes, as a stream, by copying.</summary>
[Trait("Row", "P1")]
public abstract class ReadingWaysTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    [Fact]
    public async Task ReadAtLeast_waits_for_as_much()
    {
        ValueTask<ReadResult> waiting = Input.ReadAtLeastAsync(10);
        await Pair.SendAsync("hello"u8.ToArray());
        await Pair.AnswerAsync();
        Assert.False(waiting.IsCompleted);

        await Pair.SendAsync(" world"u8.ToArray());

        ReadResult result = await waiting.Soon();
        Assert.Equal("hello world", result.Buffer.Text());
        Input.AdvanceTo(result.Buffer.GetPosition(1));
        Assert.Equal("ello world", (await Input.ReadAtLeastAsync(10).Soon()).Buffer.Text());
    }

    [Fact]
    public async Task ReadAtLeast_after_all_was_examined_waits_for_more()
    {
        await Pair.SendAsync("hello"u8.ToArray());
        ReadOnlySequence<byte> buffer = await Input.GatherAsync(5);
        Input.AdvanceTo(buffer.Start, buffer.End);

        ValueTask<ReadResult> waiting = Input.ReadAtLeastAsync(6);
        Assert.False(waiting.IsCompleted);

        // The framework's pipe does not count the five that were examined.
        await Pair.SendAsync(" world"u8.ToArray());

        Assert.StartsWith("hello ", (await waiting.Soon()).Buffer.Text());
    }

    [Theory]
    [InlineData(100_000)]
    [InlineData(3_000_000)]
    public async Task ReadAtLeast_takes_more_than_any_buffer(int least)
    {
        byte[] data = RandomNumberGenerator.GetBytes(4_000_000);
        Task sending = SendAsync();

        ReadResult result = await Input.ReadAtLeastAsync(least).Soon();

        Assert.True(result.Buffer.Length >= least);
        int length = (int)result.Buffer.Length;
        BytesAssert.Same(data.AsMemory(0, length), result.Buffer.ToArray());
        Input.AdvanceTo(result.Buffer.End);
        BytesAssert.Same(data.AsMemory(length), await Input.TakeToEndAsync());
        await sending;

        async Task SendAsync()
        {
            await Pair.SendAsync(data);
            Pair.FinishSending();
        }
    }

    [Fact]
    public async Task As_a_stream()
    {
        byte[] data = RandomNumberGenerator.GetBytes(300_000);
        Task sending = Pair.SendAsync(data);
        byte[] read = new byte[data.Length];

        await Input.AsStream().ReadExactlyAsync(read).Soon();
        await sending;
        Pair.FinishSending();

        Assert.Equal(data, read);
        Assert.Equal(0, await Input.AsStream().ReadAsync(read).Soon());
    }

    [Fact]
    public async Task A_read_of_no_bytes_waits_for_data_and_takes_none()
    {
        Stream stream = Input.AsStream();

        ValueTask<int> waiting = stream.ReadAsync(Memory<byte>.Empty);

        Assert.False(waiting.IsCompleted);
        await Pair.SendAsync("hello"u8.ToArray());
        Assert.Equal(0, await waiting.Soon());
        Assert.Equal(0, await stream.ReadAsync(Memory<byte>.Empty).Soon());
        Assert.Equal("hello"u8.ToArray(), await Input.TakeAsync(5));
    }

    [Fact]
    public async Task A_stream_that_leaves_it_open_leaves_it_open()
    {
        await Pair.SendAsync("hello"u8.ToArray());

        await using (Stream stream = Input.AsStream(leaveOpen: true))
        {
            Assert.Equal((byte)'h', await FirstByteAsync(stream));
        }

        Assert.Equal("ello"u8.ToArray(), await Input.TakeAsync(4));
    }

    [Fact]
    public async Task A_stream_that_is_disposed_of_completes_it()
    {
        await Input.AsStream().DisposeAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => Input.ReadAsync().Soon());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000_000)]
    public async Task Copied_to_a_stream(int length)
    {
        byte[] data = RandomNumberGenerator.GetBytes(length);
        using var copied = new MemoryStream();
        Task copying = Input.CopyToAsync(copied);

        await Pair.SendAsync(data);
        Pair.FinishSending();

        await copying.Soon();
        Assert.Equal(data, copied.ToArray());
    }

    [Fact]
    public async Task Copied_to_a_pipe()
    {
        byte[] data = RandomNumberGenerator.GetBytes(1_000_000);
        var destination = new Pipe(new PipeOptions(useSynchronizationContext: false));
        Task copying = Input.CopyToAsync(destination.Writer);
        Task<byte[]> taking = destination.Reader.TakeAsync(data.Length);

        await Pair.SendAsync(data);
        Pair.FinishSending();

        await copying.Soon();
        Assert.Equal(data, await taking);
    }

    private static async Task<int> FirstByteAsync(Stream stream)
    {
        byte[] first = new byte[1];
        await stream.ReadExactlyAsync(first).Soon();
        return first[0];
    }
}

public sealed class EventLoopReadingWaysTests() : ReadingWaysTests(SocketTransportDriver.EventLoop);

public sealed class SocketReadingWaysTests() : ReadingWaysTests(SocketTransportDriver.Socket);

public sealed class MemoryReadingWaysTests() : ReadingWaysTests(null);
