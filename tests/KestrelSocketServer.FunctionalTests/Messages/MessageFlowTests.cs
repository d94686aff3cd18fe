
namespace KestrelSocketServer.FunctionalTests.Messages;

/// <summary>Asynchronous handlers hold their peers back, and everything else goes on.</summary>
[Trait("Row", "M4")]
public sealed class MessageFlowTests
{
    [Theory]
    [InlineData("plain")]
    [InlineData("tls")]
    [InlineData("Kestrel's tls")]
    [InlineData("own Kestrel")]
    [InlineData("own Kestrel with tls")]
    public async Task A_peer_that_sends_100_MB_is_held_back_until_the_handler_is_done(string place)
    {
        const int Size = 1_000_000, Count = 100;
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int handled = 0;
        await using MessagePlace server = await MessagePlace.StartAsync(place, listen => listen.UseSocketHandler(
            Framing.LengthPrefixed(bytes: 4, maxLength: Size), async (connection, message, _) =>
            {
                if (Interlocked.Increment(ref handled) == 1)
                {
                    for (int round = 0; round < 20; round++)
                    {
                        connection.Write("ping"u8);
                    }

                    await release.Task;
                }

                Assert.Equal(Size, message.Length);
                if (handled == Count)
                {
                    connection.Write("done"u8);
                }
            }));
        byte[] frame = [0, 0x0f, 0x42, 0x40, .. new byte[Size]];

        Task sending = Task.Run(async () =>
        {
            for (int count = 0; count < Count; count++)
            {
                await server.Client.Stream.WriteAsync(frame);
            }
        });

        // The server still writes while it does not read.
        await server.Client.ReceiveTextAsync(20 * 4);
        Assert.Equal(1, Volatile.Read(ref handled));
        Assert.False(sending.IsCompleted);
        release.SetResult();

        Assert.Equal("done", await server.Client.ReceiveTextAsync(4));
        await sending.Soon();
        Assert.Equal(Count, handled);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "C14")]
    public async Task It_can_be_ended_while_a_handler_is_at_work(string place)
    {
        var begun = new TaskCompletionSource<ISocketConnection<string>>();
        var handler = new ScriptedHandler(async (connection, _, connectionClosed) =>
        {
            begun.TrySetResult(connection);
            await Task.Delay(Timeout.Infinite, connectionClosed);
        });
        await using MessagePlace server = await handler.StartAsync(place);
        await server.Client.SendAsync("one\ntwo\n");
        ISocketConnection<string> connection = await begun.Task.Soon();

        connection.Write("the end");
        connection.End();

        Assert.Equal("the end\n", await server.Client.ReceiveTextToEndAsync());
        await handler.Closed;
        EventRecorder events = await handler.Events;
        Assert.Equal(["close"], events.Events);
        Assert.Equal(SocketCloseReason.LocalEnd, events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "C16")]
    public async Task It_can_be_closed_while_a_handler_is_at_work(string place)
    {
        var begun = new TaskCompletionSource<ISocketConnection<string>>();
        var handler = new ScriptedHandler(async (connection, _, connectionClosed) =>
        {
            begun.TrySetResult(connection);
            await Task.Delay(Timeout.Infinite, connectionClosed);
        });
        await using MessagePlace server = await handler.StartAsync(place);
        await server.Client.SendAsync("one\n");

        (await begun.Task.Soon()).Close();

        Assert.Empty(await server.Client.ReceiveToEndAsync());
        await handler.Closed;
        Assert.Equal(SocketCloseReason.LocalClose, (await handler.Events).ReasonInClosed);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("tls")]
    [Trait("Row", "C35")]
    public async Task A_handler_at_work_is_told_when_its_peer_is_gone(string place)
    {
        var begun = new TaskCompletionSource();
        var told = new TaskCompletionSource();
        var handler = new ScriptedHandler(async (_, _, connectionClosed) =>
        {
            begun.TrySetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, connectionClosed);
            }
            finally
            {
                told.TrySetResult();
            }
        });
        await using MessagePlace server = await handler.StartAsync(place);
        await server.Client.SendAsync("one\n");
        await begun.Task.Soon();

        server.Client.Reset();

        await told.Task.Soon();
        await handler.Closed;
        EventRecorder events = await handler.Events;
        Assert.Equal(SocketCloseReason.PeerReset, events.ReasonInClosed);
        Assert.Equal(["close"], events.Events);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "C3")]
    public async Task The_peers_end_waits_for_the_handler_and_the_messages_before_it(string place)
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new ScriptedHandler(async (connection, line, _) =>
        {
            await release.Task;
            connection.Write(line);
        });
        await using MessagePlace server = await handler.StartAsync(place);
        await server.Client.SendAsync("one\ntwo\nthree\n");
        await server.Client.ShutdownSendAsync();
        EventRecorder events = await handler.Events;
        Assert.Empty(events.Events);

        release.SetResult();

        Assert.Equal("one\ntwo\nthree\n", await server.Client.ReceiveTextToEndAsync());
        await handler.Closed;
        Assert.Equal(["end", "close"], events.Events);
        Assert.Equal(SocketCloseReason.PeerEnded, events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "C18")]
    public async Task Pause_stops_messages_and_resume_goes_on_with_nothing_lost(string place)
    {
        int handled = 0;
        var paused = new TaskCompletionSource<ISocketConnection<string>>();
        var handler = new ScriptedHandler((connection, line) =>
        {
            if (Interlocked.Increment(ref handled) == 1)
            {
                connection.Pause();
                paused.SetResult(connection);
            }

            connection.Write(line);
        });
        await using MessagePlace server = await handler.StartAsync(place);

        await server.Client.SendAsync("one\ntwo\nthree\n");
        ISocketConnection<string> connection = await paused.Task.Soon();
        Assert.Equal("one\n", await server.Client.ReceiveTextAsync(4));
        connection.Write("ping");
        Assert.Equal("ping\n", await server.Client.ReceiveTextAsync(5));
        Assert.Equal(1, Volatile.Read(ref handled));
        connection.Resume();

        Assert.Equal("two\nthree\n", await server.Client.ReceiveTextAsync(10));
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "C13")]
    public async Task Whoever_ends_or_closes_gets_no_further_message(string place)
    {
        var lines = new List<string>();
        var handler = new ScriptedHandler((connection, line) =>
        {
            lines.Add(line);
            connection.End("bye\n"u8);
        });
        await using MessagePlace server = await handler.StartAsync(place);

        await server.Client.SendAsync("one\ntwo\nthree\n");

        Assert.Equal("bye\n", await server.Client.ReceiveTextToEndAsync());
        await handler.Closed;
        Assert.Equal(["one"], lines);
    }

    [Theory]
    [MemberData(nameof(TestDrivers.All), MemberType = typeof(TestDrivers))]
    [Trait("Row", "M3")]
    public async Task Two_hundred_thousand_messages_of_all_lengths_come_back(SocketTransportDriver driver)
    {
        const int Count = 200_000;
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => listen.UseSocketHandler(Framing.VarintPrefixed(maxLength: 10_000), (connection, message) =>
            {
                if (!connection.Write(message))
                {
                    connection.Pause();
                    ResumeOnce(connection);
                }
            }),
            setup: HostSetup.On(driver));
        using RawClient client = await server.ConnectAsync();
        var random = new Random(7);
        using var sent = new MemoryStream();
        for (int count = 0; count < Count; count++)
        {
            int length = random.Next(10) == 0 ? random.Next(128, 400) : random.Next(100);
            if (length >= 128)
            {
                sent.WriteByte((byte)(length | 128));
                sent.WriteByte((byte)(length >> 7));
            }
            else
            {
                sent.WriteByte((byte)length);
            }

            sent.Write(System.Text.Encoding.ASCII.GetBytes(new string((char)('a' + (count % 26)), length)));
        }

        byte[] all = sent.ToArray();
        Task sending = client.Stream.WriteAsync(all).AsTask();
        byte[] received = await client.ReceiveExactlyAsync(all.Length);

        await sending.Soon();
        Assert.True(all.AsSpan().SequenceEqual(received));
    }

    private static void ResumeOnce(ISocketConnection connection)
    {
        void Resume()
        {
            connection.Drained -= Resume;
            connection.Resume();
        }

        connection.Drained += Resume;
    }
}
