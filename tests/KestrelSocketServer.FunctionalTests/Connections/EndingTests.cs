using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class EndingTests(TestTransport transport)
{
    [Fact]
    [Trait("Row", "C4")]
    [Trait("Row", "C19")]
    public async Task The_peers_end_is_told_once_and_what_was_written_inside_it_arrives()
    {
        (bool Readable, bool Writable) inside = default;
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Ended += () =>
        {
            inside = (connection.IsReadable, connection.IsWritable);
            connection.Write("good");
            connection.Write("bye");
        });

        await pair.Client.ShutdownSendAsync();

        Assert.Equal("goodbye", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.Equal(["end", "close"], pair.Events.Events);
        Assert.Equal((false, true), inside);
        Assert.False(pair.Connection.IsWritable);
    }

    [Fact]
    [Trait("Row", "C4")]
    public async Task Writes_that_are_pending_when_the_peer_ends_arrive()
    {
        byte[] data = RandomNumberGenerator.GetBytes(20_000_000);
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Write(data), receiveBuffer: 16_384);

        await pair.Client.ShutdownSendAsync();
        await pair.Events.Ended;

        Assert.Equal(data, await pair.Client.ReceiveToEndAsync());
        await pair.Events.Closed;
    }

    [Fact]
    [Trait("Row", "C4")]
    public async Task With_half_open_allowed_the_application_goes_on_writing_until_it_ends_itself()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, options: options => options.AllowHalfOpen = true);
        await pair.Client.SendAsync("question");
        await pair.Client.ShutdownSendAsync();
        await pair.Events.Ended;
        Assert.True(pair.Connection.IsWritable);
        Assert.False(pair.Connection.IsReadable);

        for (int round = 0; round < 3; round++)
        {
            Assert.True(pair.Connection.Write("answer"));
            Assert.Equal("answer", await pair.Client.ReceiveTextAsync(6));
        }

        Assert.Equal(["data", "end"], pair.Events.Events);
        pair.Connection.End("last");
        Assert.Equal("last", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.Equal(["data", "end", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C5")]
    [Trait("Row", "C7")]
    public async Task Nothing_follows_close_whatever_is_called_then()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
            connection.Closed += () => UseEverything(connection));
        await pair.Client.ShutdownSendAsync();
        await pair.Events.Closed;
        Assert.Empty(await pair.Client.ReceiveToEndAsync());

        UseEverything(pair.Connection);
        bool raisedLate = false;
        pair.Connection.Data += _ => raisedLate = true;
        pair.Connection.Ended += () => raisedLate = true;
        pair.Connection.Error += _ => raisedLate = true;
        pair.Connection.Drained += () => raisedLate = true;
        pair.Connection.Stopping += () => raisedLate = true;
        await pair.Server.DisposeAsync();

        Assert.Equal(["end", "close"], pair.Events.Events);
        Assert.False(raisedLate);

        static void UseEverything(ISocketConnection connection)
        {
            Assert.False(connection.Write("nothing"));
            connection.End("nothing");
            connection.EndWriting();
            connection.Close();
            connection.Reset();
            connection.Pause();
            connection.Resume();
            Assert.False(connection.IsReadable);
            Assert.False(connection.IsWritable);
        }
    }

    [Fact]
    [Trait("Row", "C7")]
    public async Task Subscriptions_are_released_after_close()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);
        WeakReference subscriber = Subscribe(pair.Connection);
        pair.Connection.Close();
        await pair.Events.Closed;
        WeakReference late = Subscribe(pair.Connection);

        // Stopped, so that no thread still runs a frame of the connection.
        await pair.Server.DisposeAsync();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        Assert.False(subscriber.IsAlive);
        Assert.False(late.IsAlive);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static WeakReference Subscribe(ISocketConnection connection)
        {
            var subscriber = new EventRecorder(connection);
            return new WeakReference(subscriber);
        }
    }

    [Fact]
    [Trait("Row", "C14")]
    [Trait("Row", "C19")]
    public async Task End_flushes_all_and_delivers_no_more_data()
    {
        byte[] data = RandomNumberGenerator.GetBytes(20_000_000);
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport,
            (connection, _) =>
            {
                connection.Write(data);
                connection.End("end");
                Assert.False(connection.IsReadable);
                Assert.False(connection.IsWritable);
            },
            receiveBuffer: 16_384);
        await pair.Client.SendAsync("too late");

        byte[] received = await pair.Client.ReceiveToEndAsync();

        Assert.Equal([.. data, .. "end"u8], received);
        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C14")]
    public async Task End_sends_the_end_while_the_client_stays()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Data += _ => connection.End("bye"));

        await pair.Client.SendAsync("x");

        Assert.Equal("bye", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.Equal(["data", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C14")]
    public async Task End_then_close_drops_the_rest()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport, (connection, _) => connection.End(new byte[50_000_000]), receiveBuffer: 16_384);
        await pair.Client.ReceiveExactlyAsync(1);

        pair.Connection.Close();

        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
        Assert.InRange(await ReceiveWhatComesAsync(pair.Client), 0, 49_999_998);
    }

    [Fact]
    [Trait("Row", "C16")]
    public async Task Close_ends_the_stream_of_the_peer()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);

        pair.Connection.Close();

        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Fact]
    [Trait("Row", "C16")]
    public async Task What_was_sent_before_close_arrives()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);
        pair.Connection.Write("sent");
        Assert.Equal("sent", await pair.Client.ReceiveTextAsync(4));

        pair.Connection.Close();

        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Fact]
    [Trait("Row", "C16")]
    public async Task Close_discards_what_is_queued()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport, (connection, _) => connection.Write(new byte[50_000_000]), receiveBuffer: 16_384);

        pair.Connection.Close();

        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
        Assert.InRange(await ReceiveWhatComesAsync(pair.Client), 0, 49_999_999);
    }

    [Theory]
    [InlineData("connection")]
    [InlineData("data")]
    [InlineData("end")]
    [InlineData("drain")]
    [InlineData("close")]
    [InlineData("thread")]
    [Trait("Row", "C17")]
    public async Task Ending_twice_in_any_event_or_from_another_thread_is_no_fault(string place)
    {
        foreach (bool endFirst in (bool[])[true, false])
        {
            void EndTwice(ISocketConnection connection)
            {
                if (endFirst)
                {
                    connection.End();
                    connection.End("again");
                    connection.Close();
                }

                connection.Close();
                connection.Close();
                connection.End();
            }

            await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
            {
                switch (place)
                {
                    case "connection":
                        EndTwice(connection);
                        break;
                    case "data":
                        connection.Data += _ => EndTwice(connection);
                        break;
                    case "end":
                        connection.Ended += () => EndTwice(connection);
                        break;
                    case "drain":
                        connection.Drained += () => EndTwice(connection);
                        connection.Write(new byte[70_000]);
                        break;
                    case "close":
                        connection.Closed += () => EndTwice(connection);
                        break;
                }
            });
            if (place == "data")
            {
                await pair.Client.SendAsync("x");
            }
            else if (place is "end" or "close")
            {
                await pair.Client.ShutdownSendAsync();
            }
            else if (place == "drain")
            {
                await ReceiveWhatComesAsync(pair.Client);
            }
            else if (place == "thread")
            {
                Parallel.Invoke([.. Enumerable.Repeat(() => EndTwice(pair.Connection), 8)]);
            }

            await pair.Events.Closed;
            Assert.Equal(1, pair.Events.Events.Count(name => name == "close"));
            Assert.DoesNotContain("error", pair.Events.Events);
            Assert.Equal("close", pair.Events.Events[^1]);
        }
    }

    [Fact]
    [Trait("Row", "C26")]
    public async Task Other_subscribers_still_run_when_one_closes_the_connection()
    {
        int later = 0;
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
        {
            connection.Data += _ => connection.Close();
            connection.Data += _ => later++;
            connection.Closed += () => later++;
        });

        await pair.Client.SendAsync("x");

        await pair.Events.Closed;
        await pair.Server.DisposeAsync();
        Assert.Equal(2, later);
        Assert.Equal(["data", "close"], pair.Events.Events);
    }

    /// <summary>How many bytes arrive until the end of the stream or a reset.</summary>
    private static async Task<int> ReceiveWhatComesAsync(RawClient client)
    {
        byte[] buffer = new byte[64 * 1024];
        int total = 0;
        try
        {
            int count;
            while ((count = await client.Stream.ReadAsync(buffer).Soon()) > 0)
            {
                total += count;
            }
        }
        catch (IOException)
        {
            // A reset: what was on its way is gone.
        }

        return total;
    }
}

public sealed class PlainEndingTests() : EndingTests(TestTransport.Plain);

public sealed class TlsEndingTests() : EndingTests(TestTransport.Tls);

public sealed class KestrelTlsEndingTests() : EndingTests(TestTransport.KestrelTls);
