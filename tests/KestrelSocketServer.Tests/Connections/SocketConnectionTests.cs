namespace KestrelSocketServer.Tests.Connections;

/// <summary>What only a transport in memory can show to the byte.</summary>
public class SocketConnectionTests
{
    [Fact]
    [Trait("Row", "C10")]
    [Trait("Row", "C11")]
    public async Task Write_returns_false_from_the_limit_on_and_drains_once_below_it()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(bufferSize: 1);
        ISocketConnection connection = pair.Connection;

        // The transport takes one flush at a time, and this one is over when the client has received all of it.
        Assert.True(connection.Write(new byte[10]));
        Assert.True(connection.Write(new byte[65_525]));
        Assert.False(connection.Write(new byte[1]));
        Assert.False(connection.Write(new byte[1]));
        Assert.False(connection.Write([]));
        Assert.DoesNotContain("drain", pair.Events.Events);

        await pair.Client.ReceiveExactlyAsync(10).Soon();
        await pair.Events.Drained;
        Assert.True(connection.Write(new byte[1]));
        await pair.Client.ReceiveExactlyAsync(65_528).Soon();
        connection.End();
        Assert.Empty(await pair.Client.ReceiveToEndAsync().Soon());
        await pair.Events.Closed;
        Assert.Equal(["drain", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C8")]
    [Trait("Row", "C11")]
    public async Task Nothing_is_told_to_have_drained_once_the_connection_has_ended()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(
            (connection, _) => connection.Data += chunk =>
            {
                // It drains on a thread of its own while the event runs, and the connection ends before that is told.
                byte[] data = chunk.ToArray();
                Assert.False(Task.Run(() => connection.Write(data)).Soon().GetAwaiter().GetResult());
                connection.End();
            },
            options => options.WriteBufferSoftLimit = 1);

        await pair.Client.SendAsync("x");

        Assert.Equal("x"u8.ToArray(), await pair.Client.ReceiveToEndAsync().Soon());
        await pair.Events.Closed;
        Assert.Equal(["data", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C12")]
    public async Task The_ceiling_is_exact()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(
            options: options => (options.WriteBufferSoftLimit, options.WriteBufferHardLimit) = (50, 100), bufferSize: 1);
        ISocketConnection connection = pair.Connection;

        Assert.True(connection.Write(new byte[49]));
        Assert.False(connection.Write(new byte[51]));
        Assert.True(connection.IsWritable);
        Assert.False(connection.Write(new byte[1]));
        Assert.False(connection.IsWritable);

        Assert.Contains("101 bytes", (await pair.Events.Error).Message, StringComparison.Ordinal);
        await pair.Events.Closed;
        Assert.Equal(["error", "close"], pair.Events.Events);
        await pair.Client.Aborted.Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C4")]
    [Trait("Row", "C18")]
    public async Task A_connection_that_waits_after_the_peers_end_is_at_rest(bool halfOpen)
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(
            (connection, _) =>
            {
                if (!halfOpen)
                {
                    connection.Pause();
                }
            },
            options => options.AllowHalfOpen = halfOpen);
        pair.Client.End();
        await pair.FirstRead.Soon();

        for (int round = 0; round < 1000; round++)
        {
            pair.Connection.Write("ping");
            await pair.Client.ReceiveExactlyAsync(4).Soon();
        }

        Assert.InRange(pair.Reads, 1, 10);
        pair.Connection.Resume();
        pair.Connection.End();
        await pair.Client.Completion.Soon();
    }

    [Fact]
    [Trait("Row", "C15")]
    public async Task A_connection_that_ends_goes_on_reading_while_it_flushes_and_after()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync((connection, _) => connection.Data += _ => connection.End(new byte[1_000_000]));
        await pair.Client.SendAsync("x");
        await pair.Client.ReceiveExactlyAsync(1).Soon();

        // More than the buffer holds: somebody takes it.
        await pair.Client.SendAsync(new byte[1_000_000]).Soon();

        Assert.Equal(999_999, (await pair.Client.ReceiveToEndAsync().Soon()).Length);
        await pair.Events.Closed;
        pair.Client.End();
        await pair.Client.Completion.Soon();
        Assert.False(pair.Client.Aborted.IsCompleted);
        Assert.Equal(["data", "close"], pair.Events.Events);
        Assert.Single(pair.Events.Received);
    }
}
