using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Connections.TimeLimits;

[Trait("Row", "G13")]
[Trait("Row", "G16")]
public abstract class HalfClosedTimeoutTests(TestTransport transport)
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task After_the_peers_end_the_connection_is_closed_when_nothing_more_is_sent(SocketTransportDriver driver)
    {
        await using TimedPair pair = await StartAsync(driver, connection =>
        {
            connection.Data += _ => { };
            return Task.CompletedTask;
        });
        pair.Pass(TimedPair.Limit);
        pair.Pass(TimedPair.Limit);
        await pair.Client.ShutdownSendAsync();
        await pair.Events.Ended;
        for (int round = 0; round < 4; round++)
        {
            pair.Pass(TimedPair.Almost);
            pair.Connection.Write("x");
            await pair.Client.ReceiveExactlyAsync(1);
        }

        Assert.Equal(["end"], pair.Events.Events);
        await AssertExpiresAsync(pair);
        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task After_the_own_end_the_connection_is_closed_when_nothing_more_is_received(SocketTransportDriver driver)
    {
        var received = new SemaphoreSlim(0);
        await using TimedPair pair = await StartAsync(driver, connection =>
        {
            connection.Data += _ => received.Release();
            connection.EndWriting();
            return Task.CompletedTask;
        });
        for (int round = 0; round < 4; round++)
        {
            pair.Pass(TimedPair.Almost);
            await pair.Client.SendAsync("x");
            await received.WaitAsync().Soon();
        }

        Assert.Empty(pair.Events.Events);
        await AssertExpiresAsync(pair);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_pipe_whose_output_was_completed_is_half_closed(SocketTransportDriver driver)
    {
        await using TimedPair pair = await StartAsync(driver, async connection =>
        {
            IDuplexPipe pipe = connection.AsPipe();
            await pipe.Output.CompleteAsync();
            ReadResult result;
            do
            {
                result = await pipe.Input.ReadAsync();
                pipe.Input.AdvanceTo(result.Buffer.End);
            }
            while (!result.IsCompleted);
        });

        await AssertExpiresAsync(pair);
    }

    private Task<TimedPair> StartAsync(SocketTransportDriver driver, Func<ISocketConnection, Task> handle)
        => TimedPair.StartAsync(
            transport,
            driver,
            options =>
            {
                options.HalfClosedTimeout = TimedPair.Limit;
                options.AllowHalfOpen = true;
            },
            handle);

    private static async Task AssertExpiresAsync(TimedPair pair)
    {
        Exception error = await pair.ExpireAsync();
        Assert.IsType<TimeoutException>(error);
        Assert.EndsWith("HalfClosedTimeout allows 00:01:00.", error.Message, StringComparison.Ordinal);
        Assert.Equal(SocketCloseReason.HalfClosedTimeout, pair.Events.ReasonInClosed);
    }
}

public sealed class PlainHalfClosedTimeoutTests() : HalfClosedTimeoutTests(TestTransport.Plain);

public sealed class TlsHalfClosedTimeoutTests() : HalfClosedTimeoutTests(TestTransport.Tls);
