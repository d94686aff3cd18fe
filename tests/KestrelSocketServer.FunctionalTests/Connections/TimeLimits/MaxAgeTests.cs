namespace KestrelSocketServer.FunctionalTests.Connections.TimeLimits;

[Trait("Row", "G14")]
[Trait("Row", "G16")]
public abstract class MaxAgeTests(TestTransport transport)
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task An_old_connection_is_asked_to_end_and_closed_in_order_after_a_grace(SocketTransportDriver driver)
    {
        await using TimedPair pair = await StartAsync(driver);
        pair.Pass(TimedPair.Almost);
        await EchoAsync(pair);
        Assert.Empty(pair.Events.Events);

        pair.Pass(TimeSpan.FromSeconds(2));
        await pair.Events.Stopping;
        await EchoAsync(pair);
        pair.Pass(TimeSpan.FromSeconds(9));
        await EchoAsync(pair);
        Assert.Equal(["stopping"], pair.Events.Events);

        pair.Pass(TimeSpan.FromSeconds(1));
        Exception error = await pair.Events.Error;
        await pair.Events.Closed;

        Assert.IsType<TimeoutException>(error);
        Assert.Contains("has gone on after reaching MaxConnectionAge for ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("MaxConnectionAgeGrace allows 00:00:10.", error.Message, StringComparison.Ordinal);
        Assert.Equal(SocketCloseReason.MaxAge, pair.Events.ReasonInClosed);
        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task One_that_ends_when_it_is_asked_to_has_ended_by_itself(SocketTransportDriver driver)
    {
        await using TimedPair pair = await StartAsync(driver, connection => connection.Stopping += () => connection.End("bye"u8));

        pair.Pass(TimedPair.Limit);

        Assert.Equal("bye", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.LocalEnd, pair.Events.ReasonInClosed);
        Assert.DoesNotContain("error", pair.Events.Events);
    }

    private Task<TimedPair> StartAsync(SocketTransportDriver driver, Action<ISocketConnection>? handle = null)
        => TimedPair.StartAsync(
            transport,
            driver,
            options =>
            {
                options.MaxConnectionAge = TimedPair.Limit;
                options.MaxConnectionAgeJitter = 0;
                options.MaxConnectionAgeGrace = Grace;
            },
            connection =>
            {
                connection.Data += chunk => connection.Write(chunk);
                handle?.Invoke(connection);
                return Task.CompletedTask;
            });

    private static async Task EchoAsync(TimedPair pair)
    {
        await pair.Client.SendAsync("x");
        Assert.Equal("x", await pair.Client.ReceiveTextAsync(1));
    }
}

public sealed class PlainMaxAgeTests() : MaxAgeTests(TestTransport.Plain);

public sealed class TlsMaxAgeTests() : MaxAgeTests(TestTransport.Tls);
