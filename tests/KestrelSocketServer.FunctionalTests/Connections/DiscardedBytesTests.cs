using System.IO.Pipelines;
using System.Net.Security;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Connections;

/// <summary>
/// What the peer sends to a connection that was ended here. Time stands still, so that it may send for as long as it likes.
/// </summary>
[Trait("Row", "C32")]
public abstract class DiscardedBytesTests(TestTransport transport)
{
    public static TheoryData<string> Styles => ReadingStyle.All;

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task What_the_peer_sends_after_the_end_is_counted_and_logged_once(string style)
    {
        await using SocketServerFixture server = await StartAsync(connection => ReadingStyle.ReadAsync(style, connection, () => false));
        ISocketConnection connection;
        using (RawClient client = await server.ConnectAsync())
        {
            connection = await server.AcceptedAsync();
            await client.SendAsync("x");
            Assert.Empty(await client.ReceiveToEndAsync());

            await client.SendAsync(new byte[1_000_000]);
            await client.ShutdownSendAsync();
            await server.Host.StopAsync();
        }

        Assert.Equal(1_000_000, connection.DiscardedBytes);
        FakeLogRecord line = Assert.Single(server.Host.Logs.GetSnapshot(), record => record.Id.Name == "InputDiscarded");
        Assert.Equal(LogLevel.Debug, line.Level);
        Assert.Equal(connection.Id, line.GetStructuredStateValue("ConnectionId"));
        Assert.Equal("test", line.GetStructuredStateValue("EndpointName"));
        Assert.Equal("1000000", line.GetStructuredStateValue("ByteCount"));
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task Nothing_is_counted_where_all_was_delivered_before_the_end(string style)
    {
        await using SocketServerFixture server = await StartAsync(connection => ReadingStyle.ReadAsync(style, connection, () => false));
        ISocketConnection connection;
        using (RawClient client = await server.ConnectAsync())
        {
            connection = await server.AcceptedAsync();
            await client.SendAsync("x");
            Assert.Empty(await client.ReceiveToEndAsync());

            if (client.Stream is SslStream stream)
            {
                // A goodbye is no data.
                await stream.ShutdownAsync().Soon();
            }

            await client.ShutdownSendAsync();
            await server.Host.StopAsync();
        }

        Assert.Equal(0, connection.DiscardedBytes);
        Assert.DoesNotContain(server.Host.Logs.GetSnapshot(), record => record.Id.Name == "InputDiscarded");
    }

    [Fact]
    public async Task What_arrives_while_the_rest_is_sent_is_counted_too()
    {
        await using SocketServerFixture server = await StartAsync(connection =>
        {
            connection.Data += _ => connection.End(new byte[20_000_000]);
            return Task.CompletedTask;
        });
        ISocketConnection connection;
        using (RawClient client = await server.ConnectAsync(receiveBuffer: 16_384))
        {
            connection = await server.AcceptedAsync();
            await client.SendAsync("x");
            await client.ReceiveExactlyAsync(1);
            await client.SendAsync(new byte[10_000_000]);
            Assert.Equal(19_999_999, (await client.ReceiveToEndAsync()).Length);
            await client.ShutdownSendAsync();
            await server.Host.StopAsync();
        }

        Assert.Equal(10_000_000, connection.DiscardedBytes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_copy_that_is_cut_off_by_a_local_end_loses_nothing_that_is_not_counted(bool dispose)
    {
        const int Size = 64_000_000;
        long copied = 0;
        var ended = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            await using Stream stream = connection.AsStream();
            var half = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task<Exception?> copying = Record.ExceptionAsync(CopyAsync);
            await half.Task;

            // What a proxy does when its upstream has finished.
            if (dispose)
            {
                await stream.DisposeAsync();
            }
            else
            {
                connection.End();
            }

            ended.SetResult(await copying);

            async Task CopyAsync()
            {
                byte[] buffer = new byte[64 * 1024];
                int count;
                while ((count = await stream.ReadAsync(buffer)) > 0)
                {
                    copied += count;
                    if (copied > Size / 2)
                    {
                        half.TrySetResult();
                    }
                }
            }
        });
        ISocketConnection connection;
        using (RawClient client = await server.ConnectAsync())
        {
            connection = await server.AcceptedAsync();
            byte[] part = new byte[100_000];
            for (int sent = 0; sent < Size; sent += part.Length)
            {
                await client.SendAsync(part);
            }

            Exception? thrown = await ended.Task.Soon();
            Assert.Equal(dispose ? typeof(ObjectDisposedException) : null, thrown?.GetType());
            await client.ShutdownSendAsync();
            await server.Host.StopAsync();
        }

        Assert.Equal(Size, copied + connection.DiscardedBytes);
        Assert.Equal(SocketCloseReason.LocalEnd, connection.CloseReason);
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task A_read_that_waits_while_its_stream_is_disposed_of_throws_and_the_connection_ends_in_order()
    {
        var failed = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            Stream stream = connection.AsStream();
            Task<int> reading = stream.ReadAsync(new byte[10]).AsTask();
            await stream.WriteAsync("last"u8.ToArray());
            await stream.DisposeAsync();
            failed.SetResult(await Record.ExceptionAsync(() => reading));
            Assert.False(stream.CanRead);
            await stream.ReadExactlyAsync(new byte[10]);
        });
        using RawClient client = await server.ConnectAsync();

        Assert.Equal("last", await client.ReceiveTextToEndAsync());
        Assert.IsType<ObjectDisposedException>(await failed.Task.Soon());
        await client.ShutdownSendAsync();
        await server.Host.StopAsync();
        Assert.Equal(SocketCloseReason.LocalEnd, (await server.AcceptedAsync()).CloseReason);
        Assert.Empty(server.Errors);
    }

    [Fact]
    [Trait("Row", "C33")]
    public async Task By_its_pipe_a_handler_finishes_sending_and_reads_on()
    {
        long received = 0;
        await using SocketServerFixture server = await StartAsync(async connection =>
        {
            IDuplexPipe pipe = connection.AsPipe();
            ReadResult result = await pipe.Input.ReadAsync();
            pipe.Input.AdvanceTo(result.Buffer.End);
            await pipe.Output.WriteAsync("answer"u8.ToArray());

            // With a read that waits, as in a proxy that copies both ways.
            ValueTask<ReadResult> reading = pipe.Input.ReadAsync();
            await pipe.Output.CompleteAsync();
            do
            {
                result = await reading;
                received += result.Buffer.Length;
                pipe.Input.AdvanceTo(result.Buffer.End);
                reading = result.IsCompleted ? default : pipe.Input.ReadAsync();
            }
            while (!result.IsCompleted);
        });
        ISocketConnection connection;
        using (RawClient client = await server.ConnectAsync())
        {
            connection = await server.AcceptedAsync();
            await client.SendAsync("x");
            Assert.Equal("answer", await client.ReceiveTextToEndAsync());

            await client.SendAsync(new byte[1_000_000]);
            await client.ShutdownSendAsync();
            await server.Host.StopAsync();
        }

        Assert.Equal(1_000_000, received);
        Assert.Equal(0, connection.DiscardedBytes);
        Assert.Equal(SocketCloseReason.PeerEnded, connection.CloseReason);
        Assert.Empty(server.Errors);
    }

    private Task<SocketServerFixture> StartAsync(Func<ISocketConnection, Task> handler) => SocketServerFixture.StartAsync(
        handler,
        transport,
        setup: new HostSetup
        {
            Services = services =>
            {
                services.AddSingleton<TimeProvider>(new FakeTimeProvider());
                HostSetup.LogDebug(services);
            },
        });
}

public sealed class PlainDiscardedBytesTests() : DiscardedBytesTests(TestTransport.Plain);

public sealed class TlsDiscardedBytesTests() : DiscardedBytesTests(TestTransport.Tls);
