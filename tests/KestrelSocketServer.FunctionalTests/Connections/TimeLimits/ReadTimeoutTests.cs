using System.IO.Pipelines;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.FunctionalTests.Connections.TimeLimits;

[Trait("Row", "G16")]
public abstract class ReadTimeoutTests(TestTransport transport)
{
    public static TheoryData<SocketTransportDriver, string> Styles => TestDrivers.With(ReadingStyle.Names);

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Styles))]
    [Trait("Row", "G10")]
    public async Task A_client_that_says_nothing_is_closed_in_order(SocketTransportDriver driver, string style)
    {
        await using TimedPair pair = await StartAsync(driver, style, options => options.FirstByteTimeout = TimedPair.Limit);
        pair.Pass(TimedPair.Almost);
        Assert.Empty(pair.Events.Events);

        Exception error = await pair.ExpireAsync();

        Assert.IsType<TimeoutException>(error);
        Assert.Contains("has received nothing since it was opened for ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("FirstByteTimeout allows 00:01:00.", error.Message, StringComparison.Ordinal);
        Assert.Equal(SocketCloseReason.FirstByteTimeout, pair.Events.ReasonInClosed);
        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Styles))]
    [Trait("Row", "G10")]
    public async Task Whoever_has_said_something_may_be_silent_after_it(SocketTransportDriver driver, string style)
    {
        var received = new SemaphoreSlim(0);
        await using TimedPair pair = await StartAsync(driver, style, options => options.FirstByteTimeout = TimedPair.Limit, received);
        await pair.Client.SendAsync("x");
        await received.WaitAsync().Soon();

        for (int i = 0; i < 10; i++)
        {
            pair.Pass(TimedPair.Limit);
        }

        await pair.Client.SendAsync("x");
        await received.WaitAsync().Soon();
        Assert.Empty(pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    [Trait("Row", "G10")]
    public async Task What_another_middleware_has_received_before_the_handler_counts(SocketTransportDriver driver, string style)
    {
        var received = new SemaphoreSlim(0);
        await using TimedPair pair = await StartAsync(driver, style, options => options.FirstByteTimeout = TimedPair.Limit, received, PeekFirst);
        await received.WaitAsync().Soon();

        for (int i = 0; i < 10; i++)
        {
            pair.Pass(TimedPair.Limit);
        }

        await pair.Client.SendAsync("x");
        await received.WaitAsync().Soon();
        Assert.Empty(pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    [Trait("Row", "G11")]
    public async Task A_client_that_falls_silent_is_closed_in_order(SocketTransportDriver driver, string style)
    {
        var received = new SemaphoreSlim(0);
        await using TimedPair pair = await StartAsync(driver, style, options => options.ReadTimeout = TimedPair.Limit, received);
        for (int i = 0; i < 4; i++)
        {
            pair.Pass(TimedPair.Almost);
            await pair.Client.SendAsync("x");
            await received.WaitAsync().Soon();
        }

        Assert.Empty(pair.Events.Events);
        Exception error = await pair.ExpireAsync();

        Assert.IsType<TimeoutException>(error);
        Assert.EndsWith("ReadTimeout allows 00:01:00.", error.Message, StringComparison.Ordinal);
        Assert.Equal(SocketCloseReason.ReadTimeout, pair.Events.ReasonInClosed);
        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G11")]
    public async Task What_is_sent_is_no_reason_to_wait(SocketTransportDriver driver)
    {
        await using TimedPair pair = await StartAsync(driver, "events", options => options.ReadTimeout = TimedPair.Limit);
        Task<Exception> error = pair.Events.Error;
        while (!error.IsCompleted)
        {
            // Nothing more where the time-out was faster than what was just written.
            if (pair.Connection.Write("x") && await pair.Client.Stream.ReadAsync(new byte[1]).Soon() == 0)
            {
                break;
            }

            pair.Pass(TimedPair.Almost / 2);
        }

        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.ReadTimeout, pair.Events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G10")]
    [Trait("Row", "G11")]
    public async Task The_time_of_a_pause_is_not_the_peers(SocketTransportDriver driver)
    {
        await using TimedPair pair = await StartAsync(driver, "events", options => options.FirstByteTimeout = options.ReadTimeout = TimedPair.Limit);
        pair.Connection.Pause();
        for (int i = 0; i < 10; i++)
        {
            pair.Pass(TimedPair.Limit);
        }

        pair.Connection.Resume();
        pair.Pass(TimedPair.Almost);
        Assert.Empty(pair.Events.Events);

        await pair.ExpireAsync();
        Assert.Equal(SocketCloseReason.FirstByteTimeout, pair.Events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    [Trait("Row", "G10")]
    [Trait("Row", "G11")]
    public async Task A_handler_that_does_not_read_is_no_fault_of_the_peers(SocketTransportDriver driver, string style)
    {
        var received = new SemaphoreSlim(0);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TimedPair pair = await TimedPair.StartAsync(
            transport,
            driver,
            options => options.FirstByteTimeout = options.ReadTimeout = TimedPair.Limit,
            async connection =>
            {
                await release.Task;
                await ReadingStyle.ReadAsync(style, connection, () => received.Release() >= 0);
            });
        for (int i = 0; i < 10; i++)
        {
            pair.Pass(TimedPair.Limit);
        }

        release.SetResult();
        await pair.Client.SendAsync("x");
        await received.WaitAsync().Soon();
        Assert.Empty(pair.Events.Events);

        await pair.ExpireAsync();
        Assert.Equal(SocketCloseReason.ReadTimeout, pair.Events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G11")]
    public async Task After_its_end_the_peer_may_be_silent(SocketTransportDriver driver)
    {
        await using TimedPair pair = await StartAsync(driver, "events", options =>
        {
            options.ReadTimeout = TimedPair.Limit;
            options.AllowHalfOpen = true;
        });
        await pair.Client.ShutdownSendAsync();
        await pair.Events.Ended;

        for (int i = 0; i < 10; i++)
        {
            pair.Pass(TimedPair.Limit);
        }

        Assert.True(pair.Connection.Write("still there"));
        Assert.Equal("still there", await pair.Client.ReceiveTextAsync(11));
        Assert.Equal(["end"], pair.Events.Events);
        pair.Connection.End();
        await pair.Events.Closed;
    }

    private Task<TimedPair> StartAsync(
        SocketTransportDriver driver, string style, Action<SocketConnectionOptions> options, SemaphoreSlim? received = null, Action<IConnectionBuilder>? listen = null)
        => TimedPair.StartAsync(
            transport,
            driver,
            options,
            connection => ReadingStyle.ReadAsync(style, connection, () => received is null || received.Release() >= 0),
            listen: listen);

    // As a middleware that reads a header does.
    private static void PeekFirst(IConnectionBuilder builder) => builder.Use(next => async context =>
    {
        ReadResult result = await context.Transport.Input.ReadAsync();
        context.Transport.Input.AdvanceTo(result.Buffer.Start, result.Buffer.Start);
        await next(context);
    });
}

public sealed class PlainReadTimeoutTests() : ReadTimeoutTests(TestTransport.Plain);

public sealed class TlsReadTimeoutTests() : ReadTimeoutTests(TestTransport.Tls);
