using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class PausingTests(TestTransport transport)
{
    [Fact]
    [Trait("Row", "C18")]
    public async Task Pause_stops_data_and_resume_goes_on_with_nothing_lost()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);
        pair.Connection.Pause();
        pair.Connection.Pause();
        byte[] data = RandomNumberGenerator.GetBytes(30_000_000);

        Task sending = pair.Client.Stream.WriteAsync(data).AsTask();

        // The server still answers: its own writes pass while it does not read.
        for (int round = 0; round < 20; round++)
        {
            pair.Connection.Write("ping");
            Assert.Equal("ping", await pair.Client.ReceiveTextAsync(4));
        }

        Assert.Empty(pair.Events.Received);
        Assert.False(sending.IsCompleted);

        pair.Connection.Resume();
        pair.Connection.Resume();

        await sending.Soon();
        await pair.Events.ReceivedAsync(data.Length);
        Assert.True(data.AsSpan().SequenceEqual(pair.Events.Received));
    }

    [Fact]
    [Trait("Row", "C18")]
    public async Task Pause_inside_data_holds_at_the_next_chunk_and_resume_inside_data_goes_on()
    {
        int chunks = 0;
        var paused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Data += _ =>
        {
            connection.Pause();
            if (Interlocked.Increment(ref chunks) == 1)
            {
                paused.SetResult();
            }
            else
            {
                connection.Resume();
            }
        });
        byte[] data = RandomNumberGenerator.GetBytes(500_000);
        Task sending = pair.Client.SendAsync(data);
        await paused.Task.Soon();
        pair.Connection.Write("ping");
        Assert.Equal("ping", await pair.Client.ReceiveTextAsync(4));
        Assert.Equal(1, Volatile.Read(ref chunks));

        pair.Connection.Resume();

        await pair.Events.ReceivedAsync(data.Length);
        await sending;
        Assert.Equal(data, pair.Events.Received);
    }

    [Fact]
    [Trait("Row", "C18")]
    public async Task Resuming_after_every_chunk_from_another_thread_loses_nothing()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Data += _ =>
        {
            connection.Pause();
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Resume(), connection, preferLocal: false);
        });
        byte[] data = RandomNumberGenerator.GetBytes(2_000_000);

        await pair.Client.SendAsync(data);
        await pair.Client.ShutdownSendAsync();

        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        Assert.Equal(["data", "end", "close"], pair.Events.Events);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100_000)]
    [Trait("Row", "C18")]
    public async Task The_peers_end_is_seen_only_after_resume(int length)
    {
        byte[] data = RandomNumberGenerator.GetBytes(length);
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pause());
        await pair.Client.SendAsync(data);
        await pair.Client.ShutdownSendAsync();
        for (int round = 0; round < 20; round++)
        {
            pair.Connection.Write("ping");
            Assert.Equal("ping", await pair.Client.ReceiveTextAsync(4));
        }

        Assert.Empty(pair.Events.Events);
        Assert.True(pair.Connection.IsReadable);

        pair.Connection.Resume();

        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        Assert.Equal(length == 0 ? ["end", "close"] : ["data", "end", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C18")]
    public async Task A_reset_is_seen_at_once_while_paused()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pause());
        pair.Connection.Write("ping");
        await pair.Client.ReceiveTextAsync(4);

        pair.Client.Reset();

        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C18")]
    [Trait("Row", "C14")]
    [Trait("Row", "C16")]
    public async Task A_paused_connection_can_be_ended(bool close)
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pause());
        await pair.Client.SendAsync("unread");

        if (close)
        {
            pair.Connection.Close();
        }
        else
        {
            pair.Connection.End();
        }

        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C18")]
    public async Task A_failed_write_is_seen_at_once_while_paused()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport, (connection, _) => connection.Pause(), receiveBuffer: 16_384);
        pair.Connection.Write(new byte[50_000_000]);
        await pair.Client.ReceiveExactlyAsync(1);

        pair.Client.Reset();

        Assert.IsAssignableFrom<IOException>(await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(["error", "close"], pair.Events.Events);
    }
}

public sealed class PlainPausingTests() : PausingTests(TestTransport.Plain);

public sealed class TlsPausingTests() : PausingTests(TestTransport.Tls);
