using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class WritingTests(TestTransport transport)
{
    private const int Limit = 64 * 1024;

    [Fact]
    [Trait("Row", "C9")]
    public async Task Writes_of_many_threads_arrive_whole_and_each_threads_in_order()
    {
        const int Writers = 8;
        const int Writes = 200;
        const int Length = 1000;
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);
        Task[] writing = [.. Enumerable.Range(0, Writers).Select(writer => Task.Run(() =>
        {
            byte[] record = new byte[Length];
            for (int number = 0; number < Writes; number++)
            {
                Array.Fill(record, (byte)writer);
                record[0] = (byte)number;
                pair.Connection.Write(record);
            }
        }))];

        byte[] received = await pair.Client.ReceiveExactlyAsync(Writers * Writes * Length);

        await Task.WhenAll(writing).Soon();
        int[] next = new int[Writers];
        foreach (byte[] record in received.Chunk(Length))
        {
            byte writer = record[1];
            Assert.Equal((byte)next[writer]++, record[0]);
            Assert.DoesNotContain(record[1..], value => value != writer);
        }

        Assert.All(next, count => Assert.Equal(Writes, count));
    }

    [Fact]
    [Trait("Row", "C9")]
    public async Task Writes_inside_and_outside_of_events_stay_whole()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
            connection.Data += chunk =>
            {
                for (int index = 0; index < chunk.Length; index++)
                {
                    connection.Write("<inside>");
                }
            });
        Task outside = Task.Run(() =>
        {
            for (int count = 0; count < 2000; count++)
            {
                pair.Connection.Write("[outside]");
            }
        });
        await pair.Client.SendAsync(new byte[2000]);

        string received = await pair.Client.ReceiveTextAsync(2000 * ("<inside>".Length + "[outside]".Length));

        await outside.Soon();
        Assert.Equal("", received.Replace("<inside>", "", StringComparison.Ordinal).Replace("[outside]", "", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Row", "C10")]
    [Trait("Row", "C11")]
    [Trait("Row", "C23")]
    public async Task A_slow_reader_makes_write_return_false_and_drains_when_it_reads()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        byte[] part = RandomNumberGenerator.GetBytes(10_000);
        int parts = 1;
        while (pair.Connection.Write(part))
        {
            parts++;

            // The operating system's buffers, the transport's and the limit: no reader takes this much without reading.
            Assert.InRange(parts * part.Length, 0, 40_000_000);
        }

        // Taken in either case.
        Assert.False(pair.Connection.Write("taken too"));
        Assert.DoesNotContain("drain", pair.Events.Events);

        byte[] received = await pair.Client.ReceiveExactlyAsync((parts * part.Length) + 9);
        await pair.Events.Drained;
        Assert.Equal("taken too"u8, received.AsSpan(^9..));
        Assert.All(received[..^9].Chunk(part.Length), chunk => Assert.Equal(part, chunk));
        Assert.True(pair.Connection.Write("again"));
        Assert.Equal("again", await pair.Client.ReceiveTextAsync(5));
        Assert.Equal(["drain"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C10")]
    [Trait("Row", "C11")]
    public async Task One_write_that_reaches_the_limit_returns_false_and_drains()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);

        Assert.False(pair.Connection.Write(new byte[Limit]));
        await pair.Client.ReceiveExactlyAsync(Limit);
        await pair.Events.Drained;
        Assert.True(pair.Connection.Write(new byte[Limit - 1]));
        await pair.Client.ReceiveExactlyAsync(Limit - 1);
        pair.Connection.Close();
        await pair.Events.Closed;

        Assert.Equal(["drain", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C10")]
    [Trait("Row", "C11")]
    public async Task The_limit_is_an_option()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, options: options => options.WriteBufferSoftLimit = 10);

        Assert.False(pair.Connection.Write(new byte[10]));
        await pair.Events.Drained;
        Assert.True(pair.Connection.Write(new byte[9]));
        Assert.Equal(new byte[19], await pair.Client.ReceiveExactlyAsync(19));
    }

    [Fact]
    [Trait("Row", "C10")]
    [Trait("Row", "C11")]
    public async Task Write_async_completes_when_the_reader_has_caught_up()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        byte[] data = RandomNumberGenerator.GetBytes(50_000_000);

        Task<bool> writing = pair.Connection.WriteAsync(data).AsTask();
        Assert.False(writing.IsCompleted);
        byte[] more = "more"u8.ToArray();
        using var cancelled = new CancellationTokenSource();
        Task<bool> second = pair.Connection.WriteAsync(more, cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.Soon());

        byte[] received = await pair.Client.ReceiveExactlyAsync(data.Length + more.Length);
        Assert.Equal([.. data, .. more], received);
        Assert.True(await writing.Soon());
        Assert.True(await pair.Connection.WriteAsync("x"u8.ToArray()).Soon());
        pair.Connection.Close();
        Assert.False(await pair.Connection.WriteAsync("x"u8.ToArray()).Soon());
    }

    [Fact]
    [Trait("Row", "C11")]
    [Trait("Row", "C17")]
    public async Task A_wait_for_room_ends_when_the_connection_does()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        Task<bool> writing = pair.Connection.WriteAsync(new byte[50_000_000]).AsTask();

        pair.Connection.Close();

        Assert.False(await writing.Soon());
    }

    [Fact]
    [Trait("Row", "C12")]
    public async Task Unsent_data_over_the_ceiling_closes_the_connection_with_an_error()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport, options: options => options.WriteBufferHardLimit = 1_000_000, receiveBuffer: 16_384);
        int parts = 0;
        while (pair.Connection.IsWritable)
        {
            pair.Connection.Write(new byte[10_000]);
            Assert.InRange(++parts, 0, 4000);
        }

        Exception error = await pair.Events.Error;
        Assert.IsType<IOException>(error);
        Assert.Contains("WriteBufferHardLimit", error.Message, StringComparison.Ordinal);
        Assert.Contains("1000000", error.Message, StringComparison.Ordinal);
        await pair.Events.Closed;
        Assert.Equal(["error", "close"], pair.Events.Events.Where(name => name != "drain"));
        Assert.False(pair.Connection.Write("x"));
    }

    [Fact]
    [Trait("Row", "C12")]
    public async Task One_write_over_the_ceiling_inside_an_event_closes_too()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport,
            (connection, _) => connection.Data += _ =>
            {
                Assert.False(connection.Write(new byte[1_000_001]));
                Assert.False(connection.IsWritable);
            },
            options => options.WriteBufferHardLimit = 1_000_000);

        await pair.Client.SendAsync("x");

        Assert.IsType<IOException>(await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(["data", "error", "close"], pair.Events.Events);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C13")]
    public async Task Write_after_end_or_close_has_no_effect(bool close)
    {
        bool? result = null;
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Data += _ =>
        {
            if (close)
            {
                connection.Close();
            }
            else
            {
                connection.End("end");
            }

            result = connection.Write("after") | connection.Write(new byte[100_000]);
            connection.End("after");
        });

        await pair.Client.SendAsync("x");

        Assert.Equal(close ? "" : "end", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.False(result);
        Assert.False(pair.Connection.Write("after"));
        Assert.False(await pair.Connection.WriteAsync("after"u8.ToArray()));
        Assert.Equal(["data", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C23")]
    public async Task A_slow_reader_holds_back_its_source_and_nobody_else()
    {
        await using ConnectedPair slow = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        await using SocketServerFixture source = await SocketServerFixture.StartAsync(connection => connection.Pipe(slow.Connection), transport);
        using RawClient sender = await source.ConnectAsync();
        byte[] data = RandomNumberGenerator.GetBytes(60_000_000);

        Task sending = sender.Stream.WriteAsync(data).AsTask();
        await slow.Client.ReceiveExactlyAsync(1);

        // Another connection of the same server is served while the slow one stands still.
        using RawClient other = await slow.Server.ConnectAsync();
        await slow.Server.AcceptedAsync();
        ISocketConnection third = await slow.Server.AcceptedAsync();
        third.Write("quick");
        Assert.Equal("quick", await other.ReceiveTextAsync(5));
        Assert.False(sending.IsCompleted);

        byte[] rest = await slow.Client.ReceiveExactlyAsync(data.Length - 1);
        await sending.Soon();
        Assert.True(data.AsSpan(1).SequenceEqual(rest));
    }
}

public sealed class PlainWritingTests() : WritingTests(TestTransport.Plain);

public sealed class TlsWritingTests() : WritingTests(TestTransport.Tls);

public sealed class KestrelTlsWritingTests() : WritingTests(TestTransport.KestrelTls);
