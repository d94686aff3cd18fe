namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class ConcurrencyTests(TestTransport transport)
{
    [Fact]
    [Trait("Row", "C8")]
    public async Task Events_of_a_connection_never_run_at_the_same_time()
    {
        const int Rounds = 300;
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport, (connection, _) => connection.Pipe(connection), options => options.WriteBufferSoftLimit = 1);
        byte[] data = new byte[1000];
        Task[] others =
        [
            Task.Run(() => Repeat(() => pair.Connection.Write(data))),
            Task.Run(() => Repeat(() =>
            {
                pair.Connection.Pause();
                pair.Connection.Resume();
            })),
            Task.Run(async () =>
            {
                for (int round = 0; round < Rounds; round++)
                {
                    await pair.Client.SendAsync(data);
                }

                await pair.Client.ShutdownSendAsync();
            }),
        ];

        byte[] received = await pair.Client.ReceiveToEndAsync();

        await Task.WhenAll(others).Soon();
        await pair.Events.Closed;
        Assert.Equal(0, pair.Events.Overlaps);
        Assert.Equal(Rounds * data.Length, pair.Events.Received.Length);
        Assert.InRange(received.Length, Rounds * data.Length, 2 * Rounds * data.Length);
        Assert.Contains("drain", pair.Events.Events);
        Assert.Equal(["end", "close"], pair.Events.Events.TakeLast(2));

        static void Repeat(Action action)
        {
            for (int round = 0; round < Rounds; round++)
            {
                action();
            }
        }
    }

    [Fact]
    [Trait("Row", "C8")]
    [Trait("Row", "L3")]
    public async Task Connections_do_not_wait_for_one_another()
    {
        // Every connection's event waits for the event of the other: they must run at the same time.
        using var both = new Barrier(2);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection => connection.Data += chunk =>
            {
                Assert.True(both.SignalAndWait(Timeouts.Generous));
                connection.Write(chunk);
            },
            transport);
        using RawClient first = await server.ConnectAsync();
        using RawClient second = await server.ConnectAsync();

        await first.SendAsync("1");
        await second.SendAsync("2");

        Assert.Equal("1", await first.ReceiveTextAsync(1));
        Assert.Equal("2", await second.ReceiveTextAsync(1));
    }

    [Fact]
    [Trait("Row", "C5")]
    [Trait("Row", "C9")]
    [Trait("Row", "C17")]
    public async Task Writers_that_race_with_the_end_of_the_connection_do_no_harm()
    {
        for (int round = 0; round < 20; round++)
        {
            await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pipe(connection));
            ISocketConnection connection = pair.Connection;
            Action ending = (round % 4) switch
            {
                0 => connection.Close,
                1 => connection.End,
                2 => pair.Client.Reset,
                _ => pair.Client.Dispose,
            };
            Task[] racing =
            [
                .. Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
                {
                    for (int count = 0; count < 200; count++)
                    {
                        connection.Write("some text");
                        connection.Pause();
                        connection.Resume();
                    }
                })),
                Task.Run(ending),
            ];

            await Task.WhenAll(racing).Soon();
            if (round % 4 == 1)
            {
                await pair.Client.ReceiveToEndAsync();
            }

            await pair.Events.Closed;
            Assert.Equal("close", pair.Events.Events[^1]);
            Assert.Equal(0, pair.Events.Overlaps);
            Assert.False(connection.Write("late"));
        }
    }
}

public sealed class PlainConcurrencyTests() : ConcurrencyTests(TestTransport.Plain);

public sealed class TlsConcurrencyTests() : ConcurrencyTests(TestTransport.Tls);
