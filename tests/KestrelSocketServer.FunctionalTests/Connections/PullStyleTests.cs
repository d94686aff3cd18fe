using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class PullStyleTests(TestTransport transport)
{
    [Fact]
    [Trait("Row", "H7")]
    public async Task ReadAllAsync_gives_every_chunk_to_the_peers_end_and_the_connection_ends_with_the_task()
    {
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                Assert.False(chunk.IsEmpty);
                Assert.True(await connection.WriteAsync(chunk));
            }

            connection.Write("bye");
        });
        using RawClient client = await server.ConnectAsync();
        byte[] data = RandomNumberGenerator.GetBytes(2_000_000);

        Task sending = SendAsync(client, data);

        byte[] expected = [.. data, .. "bye"u8];
        Assert.Equal(expected, await client.ReceiveToEndAsync());
        await sending;
        Assert.Empty(server.Errors);
    }

    [Fact]
    [Trait("Row", "H7")]
    public async Task ReadAllAsync_can_be_left_and_gone_on_with()
    {
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                connection.Write(chunk.Span);
                break;
            }

            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                connection.Write(chunk.Span);
            }
        });
        using RawClient client = await server.ConnectAsync();
        byte[] data = RandomNumberGenerator.GetBytes(200_000);

        Task sending = SendAsync(client, data);

        Assert.Equal(data, await client.ReceiveToEndAsync());
        await sending;
    }

    [Fact]
    [Trait("Row", "H7")]
    public async Task AsStream_reads_and_writes_like_any_stream()
    {
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            await using Stream stream = connection.AsStream();
            using var reader = new StreamReader(stream, leaveOpen: true);
            while (await reader.ReadLineAsync() is { } line)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(line.ToUpperInvariant() + "\n"));
            }
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("one\ntwo\nthree");
        await client.ShutdownSendAsync();

        Assert.Equal("ONE\nTWO\nTHREE\n", await client.ReceiveTextToEndAsync());
    }

    [Fact]
    [Trait("Row", "H7")]
    public async Task Disposing_of_the_stream_ends_the_connection_and_writing_to_it_then_throws()
    {
        var failed = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            Stream stream = connection.AsStream();
            await stream.WriteAsync("last"u8.ToArray());
            await stream.DisposeAsync();
            failed.SetResult(await Record.ExceptionAsync(() => stream.WriteAsync("x"u8.ToArray()).AsTask()));
        });
        using RawClient client = await server.ConnectAsync();

        Assert.Equal("last", await client.ReceiveTextToEndAsync());
        Assert.IsType<IOException>(await failed.Task.Soon());
    }

    [Fact]
    [Trait("Row", "H7")]
    public async Task AsPipe_is_the_raw_pipe_and_whoever_takes_its_output_writes_alone()
    {
        Exception? thrown = null;
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            IDuplexPipe pipe = connection.AsPipe();
            PipeWriter output = pipe.Output;
            thrown = Record.Exception(() => connection.Write("x"));
            ReadResult result = await pipe.Input.ReadAtLeastAsync(10);
            output.Write(result.Buffer.ToArray());
            pipe.Input.AdvanceTo(result.Buffer.End);
            await pipe.Output.FlushAsync();
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("0123456789");

        Assert.Equal("0123456789", await client.ReceiveTextToEndAsync());
        Assert.IsType<InvalidOperationException>(thrown);
    }

    [Theory]
    [InlineData("events")]
    [InlineData("chunks")]
    [InlineData("stream")]
    [InlineData("pipe")]
    [Trait("Row", "H7")]
    public async Task Mixing_styles_throws_and_says_which_is_in_use(string first)
    {
        var tried = new TaskCompletionSource<List<Exception?>>(TaskCreationOptions.RunContinuationsAsynchronously);
        Dictionary<string, Action<ISocketConnection>> styles = new()
        {
            ["events"] = connection => connection.Data += _ => { },
            ["chunks"] = connection => connection.ReadAllAsync(),
            ["stream"] = connection => connection.AsStream(),
            ["pipe"] = connection => connection.AsPipe(),
        };
        await using SocketServerFixture server = await StartAsync(connection =>
        {
            styles[first](connection);
            tried.SetResult([.. styles.Where(style => style.Key != first).Select(style => Record.Exception(() => style.Value(connection)))]);
            return Task.CompletedTask;
        });
        using RawClient client = await server.ConnectAsync();

        Assert.All(await tried.Task.Soon(), exception =>
            Assert.Contains("already read by", Assert.IsType<InvalidOperationException>(exception).Message, StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Row", "H7")]
    public async Task The_output_of_the_pipe_cannot_be_taken_after_a_write()
    {
        var tried = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await StartAsync(connection =>
        {
            connection.Write("x");
            tried.SetResult(Record.Exception(() => connection.AsPipe().Output));
            return Task.CompletedTask;
        });
        using RawClient client = await server.ConnectAsync();

        Assert.IsType<InvalidOperationException>(await tried.Task.Soon());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "H7")]
    [Trait("Row", "C14")]
    public async Task Ending_from_outside_ends_the_reading(bool close)
    {
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            int chunks = 0;
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                chunks++;
            }

            done.SetResult(chunks);
        });
        using RawClient client = await server.ConnectAsync();
        ISocketConnection connection = await server.AcceptedAsync();

        if (close)
        {
            connection.Close();
        }
        else
        {
            connection.End("bye");
        }

        Assert.Equal(close ? "" : "bye", await client.ReceiveTextToEndAsync());
        Assert.Equal(0, await done.Task.Soon());
        Assert.Empty(server.Errors);
    }

    [Fact]
    [Trait("Row", "H7")]
    [Trait("Row", "C6")]
    public async Task A_reset_is_thrown_by_the_reading_and_is_no_fault_of_the_handler()
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reading = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            connection.Closed += closed.SetResult;
            try
            {
                await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
                {
                }
            }
            catch (IOException exception)
            {
                reading.SetResult(exception);

                // The connection closes although the handler goes on.
                await closed.Task;
                throw;
            }
        });
        using RawClient client = await server.ConnectAsync();
        await server.AcceptedAsync();

        client.Reset();

        await reading.Task.Soon();
        await closed.Task.Soon();
        Assert.Empty(server.Errors);
    }

    [Fact]
    [Trait("Row", "H7")]
    [Trait("Row", "C25")]
    public async Task A_reading_handler_that_throws_fails_its_connection()
    {
        var error = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            connection.Error += error.SetResult;
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                throw new InvalidOperationException("mine");
            }
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("x");

        Assert.Equal("mine", (await error.Task.Soon()).Message);
        Assert.Equal("mine", Assert.Single(server.Errors).Exception.Message);
    }

    [Fact]
    [Trait("Row", "H7")]
    public async Task A_cancelled_read_ends_the_connection_with_its_handler_and_loses_nothing_before()
    {
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            using var cancelled = new CancellationTokenSource();
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync(cancelled.Token))
            {
                connection.Write(chunk.Span);
                await cancelled.CancelAsync();
            }
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("once");

        Assert.Equal("once", await client.ReceiveTextToEndAsync());
        Assert.Empty(server.Errors);
    }

    private Task<SocketServerFixture> StartAsync(Func<ISocketConnection, Task> handler) => SocketServerFixture.StartAsync(handler, transport);

    private static async Task SendAsync(RawClient client, byte[] data)
    {
        await client.SendAsync(data);
        await client.ShutdownSendAsync();
    }
}

public sealed class PlainPullStyleTests() : PullStyleTests(TestTransport.Plain);

public sealed class TlsPullStyleTests() : PullStyleTests(TestTransport.Tls);

public sealed class KestrelTlsPullStyleTests() : PullStyleTests(TestTransport.KestrelTls);
