using KestrelSocketServer.FunctionalTests.Connections;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.FunctionalTests.Transport;

public abstract class ResetTests(TestTransport transport)
{
    public static TheoryData<SocketTransportDriver, int> DriversAndSizes => TestDrivers.With(0, 100_000);

    public static TheoryData<SocketTransportDriver, bool> DriversAndPools => TestDrivers.With(false, true);

    public static TheoryData<SocketTransportDriver, string> DriversAndStyles => TestDrivers.With(ReadingStyle.Names);

    [Theory]
    [MemberData(nameof(DriversAndSizes))]
    [Trait("Row", "C18")]
    public async Task A_reset_while_paused_is_seen_at_once(SocketTransportDriver driver, int unread)
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport, (connection, _) => connection.Pause(), setup: HostSetup.On(driver));
        await pair.Client.SendAsync(new byte[unread]);
        pair.Connection.Write("ping");
        await pair.Client.ReceiveTextAsync(4);

        pair.Client.Reset();

        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
        Assert.Equal(SocketCloseReason.PeerReset, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(DriversAndPools))]
    [Trait("Row", "C18")]
    public async Task A_reset_that_came_before_the_pause_is_seen_too(SocketTransportDriver driver, bool onThreadPool)
    {
        var blocks = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport,
            (connection, _) =>
            {
                connection.Write("ready");
                connection.Data += _ =>
                {
                    // Blocks until the reset is known to whoever looks after the socket.
                    using var gone = new ManualResetEventSlim();
                    using CancellationTokenRegistration registration = connection.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(gone.Set);
                    blocks.SetResult();
                    Assert.True(gone.Wait(Timeouts.Generous));
                    connection.Pause();
                };
            },
            setup: new HostSetup
            {
                Server = server =>
                {
                    server.Transport.Driver = driver;
                    server.Transport.RunHandlersOnThreadPool = onThreadPool;
                },
            });
        Assert.Equal("ready", await pair.Client.ReceiveTextAsync(5));
        await pair.Client.SendAsync("x");
        await blocks.Task.Soon();

        pair.Client.Reset();

        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.PeerReset, pair.Connection.CloseReason);
        Assert.Equal(["data", "close"], pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(DriversAndStyles))]
    [Trait("Row", "C3")]
    public async Task What_the_peer_sent_right_before_its_reset_reaches_a_reader_that_waits(SocketTransportDriver driver, string style)
    {
        var events = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        int received = 0;
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
                events.TrySetResult(new EventRecorder(connection, data: false));
                return ReadingStyle.ReadAsync(style, connection, () =>
                {
                    Interlocked.Increment(ref received);
                    return true;
                });
            },
            transport,
            setup: HostSetup.On(driver));
        for (int round = 1; round <= 20; round++)
        {
            events = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
            received = 0;
            using RawClient client = await server.ConnectAsync();
            EventRecorder recorder = await events.Task.Soon();

            await client.SendAsync("last words");
            client.Reset();

            await recorder.Closed;
            Assert.Equal((round, 1), (round, Volatile.Read(ref received)));
            Assert.Equal(SocketCloseReason.PeerReset, recorder.ReasonInClosed);
        }
    }
}

public sealed class PlainResetTests() : ResetTests(TestTransport.Plain);

public sealed class TlsResetTests() : ResetTests(TestTransport.Tls);

public sealed class KestrelTlsResetTests() : ResetTests(TestTransport.KestrelTls);
