using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Connections;

[Trait("Row", "C28")]
public abstract class IdleTimeoutTests(TestTransport transport)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Almost = TimeSpan.FromSeconds(50);

    private readonly FakeTimeProvider _time = new();

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task An_idle_connection_is_closed_with_an_error_and_an_orderly_end(SocketTransportDriver driver)
    {
        await using ConnectedPair pair = await ConnectAsync(driver);
        for (int round = 1; round <= 3; round++)
        {
            Beat(Almost);
            await pair.Client.SendAsync("x");
            await pair.Events.ReceivedAsync(round);
        }

        Assert.Equal(["data"], pair.Events.Events);
        await BeatUntilAsync(pair.Events.Error);

        Assert.IsType<TimeoutException>(await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.Idle, pair.Connection.CloseReason);
        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_peer_that_takes_a_long_answer_slowly_is_not_idle_until_it_stops(SocketTransportDriver driver)
    {
        const int Part = 2_000_000;
        await using ConnectedPair pair = await ConnectAsync(
            driver,
            connection =>
            {
                connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 16_384;
                connection.Write(new byte[10 * Part]);
            },
            receiveBuffer: 16_384);
        for (int round = 0; round < 5; round++)
        {
            // Much more than what the buffers on the way hold: some of it is sent only now.
            await pair.Client.ReceiveExactlyAsync(Part);
            Beat(Almost);
        }

        Assert.Empty(pair.Events.Events);
        await BeatUntilAsync(pair.Events.Error);

        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.Idle, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Whoever_took_the_pipe_is_watched_too(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            async connection =>
            {
                IDuplexPipe pipe = connection.AsPipe();
                ReadResult result;
                do
                {
                    result = await pipe.Input.ReadAsync();
                    byte[] data = result.Buffer.ToArray();
                    pipe.Input.AdvanceTo(result.Buffer.End);
                    await pipe.Output.WriteAsync(data);
                }
                while (!result.IsCompleted);
            },
            transport,
            options => options.IdleTimeout = Limit,
            setup: Setup(driver));
        using RawClient client = await server.ConnectAsync();
        var events = new EventRecorder(await server.AcceptedAsync(), data: false);
        for (int round = 0; round < 3; round++)
        {
            Beat(Almost);
            await client.SendAsync("x");
            Assert.Equal("x", await client.ReceiveTextAsync(1));
        }

        Assert.Empty(events.Events);
        await BeatUntilAsync(events.Error);

        await events.Closed;
        Assert.Equal(SocketCloseReason.Idle, events.ReasonInClosed);
    }

    [Fact]
    public async Task The_clock_of_the_host_ticks_by_itself()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, options: options => options.IdleTimeout = TimeSpan.FromMilliseconds(1));

        Assert.IsType<TimeoutException>(await pair.Events.Error);

        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.Idle, pair.Connection.CloseReason);
    }

    private Task<ConnectedPair> ConnectAsync(SocketTransportDriver driver, Action<ISocketConnection>? handle = null, int? receiveBuffer = null)
        => ConnectedPair.StartAsync(
            transport, (connection, _) => handle?.Invoke(connection), options => options.IdleTimeout = Limit, receiveBuffer, setup: Setup(driver));

    private HostSetup Setup(SocketTransportDriver driver) => new()
    {
        Server = server => server.Transport.Driver = driver,
        Services = services => services.AddSingleton<TimeProvider>(_time),
    };

    private void Beat(TimeSpan later) => _time.Advance(later);

    // What was sent last may be noticed only by the first of these.
    private async Task BeatUntilAsync(Task closed)
    {
        do
        {
            Beat(Limit);
            await Task.Yield();
        }
        while (!closed.IsCompleted);
        await closed;
    }
}

public sealed class PlainIdleTimeoutTests() : IdleTimeoutTests(TestTransport.Plain);

public sealed class TlsIdleTimeoutTests() : IdleTimeoutTests(TestTransport.Tls);
