using System.Globalization;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Connections;

/// <summary>Over a transport that is not the library's own, which does not tell whether it is used.</summary>
[Trait("Row", "G16")]
public sealed class TimeoutTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Almost = TimeSpan.FromSeconds(58);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    [Trait("Row", "G10")]
    public async Task A_client_that_says_nothing_is_closed()
    {
        await using MemoryPair pair = await ConnectAsync(options => options.FirstByteTimeout = Limit);
        await pair.FirstRead;
        _time.Advance(Almost);
        Assert.Empty(pair.Events.Events);

        await AssertExpiresAsync(pair, SocketCloseReason.FirstByteTimeout, "FirstByteTimeout");
    }

    [Fact]
    [Trait("Row", "G11")]
    public async Task A_client_that_falls_silent_is_closed()
    {
        await using MemoryPair pair = await ConnectAsync(options => options.ReadTimeout = Limit);
        for (int round = 1; round <= 4; round++)
        {
            _time.Advance(Almost);
            await pair.Client.SendAsync("x");
            await pair.Events.ReceivedAsync(round);
            await pair.ReadsAsync(round + 1);
        }

        Assert.Equal(["data"], pair.Events.Events);
        await AssertExpiresAsync(pair, SocketCloseReason.ReadTimeout, "ReadTimeout");
    }

    [Fact]
    [Trait("Row", "G11")]
    public async Task A_paused_connection_may_be_silent()
    {
        await using MemoryPair pair = await ConnectAsync(options => options.ReadTimeout = Limit, connection => connection.Pause());
        for (int round = 0; round < 10; round++)
        {
            _time.Advance(Limit);
        }

        Assert.Empty(pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "G12")]
    public async Task A_flush_that_waits_for_too_long_is_a_stall()
    {
        await using MemoryPair pair = await ConnectAsync(
            options => options.WriteTimeout = Limit, connection => connection.Write(new byte[100_000]), bufferSize: 1000);

        await AssertExpiresAsync(pair, SocketCloseReason.WriteTimeout, "WriteTimeout");
    }

    [Fact]
    [Trait("Row", "G13")]
    public async Task A_half_closed_connection_is_closed()
    {
        await using MemoryPair pair = await ConnectAsync(options =>
        {
            options.HalfClosedTimeout = Limit;
            options.AllowHalfOpen = true;
        });
        _time.Advance(Limit);
        _time.Advance(Limit);
        pair.Client.End();
        await pair.Events.Ended;

        await AssertExpiresAsync(pair, SocketCloseReason.HalfClosedTimeout, "HalfClosedTimeout");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [Trait("Row", "G14")]
    public async Task An_old_connection_is_asked_to_end_within_the_jitter_and_closed_after_the_grace(double jitter)
    {
        await using MemoryPair pair = await ConnectAsync(options =>
        {
            options.MaxConnectionAge = Limit;
            options.MaxConnectionAgeJitter = jitter;
            options.MaxConnectionAgeGrace = TimeSpan.FromSeconds(5);
        });
        await pair.FirstRead;
        _time.Advance(Limit - TimeSpan.FromMilliseconds(500));
        Assert.Empty(pair.Events.Events);

        _time.Advance((Limit * jitter) + TimeSpan.FromSeconds(1));
        await pair.Events.Stopping;
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.IsType<TimeoutException>(await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.MaxAge, pair.Events.ReasonInClosed);
    }

    [Fact]
    [Trait("Row", "G14")]
    public async Task Connections_that_came_together_do_not_leave_together()
    {
        const int Count = 50;
        var pairs = new List<MemoryPair>();
        for (int i = 0; i < Count; i++)
        {
            pairs.Add(await ConnectAsync(options =>
            {
                options.MaxConnectionAge = Limit;
                options.MaxConnectionAgeJitter = 1;
            }));
        }

        // That none of 50 leaves in the first half, or all of them, is not seen in a lifetime.
        _time.Advance(Limit * 1.5);
        Task[] stopping = [.. pairs.Select(pair => pair.Events.Stopping)];
        await Task.WhenAny(stopping).Soon();
        await Task.WhenAll(pairs.Select(pair => pair.Client.SendAsync("x")));
        await Task.WhenAll(pairs.Select(pair => pair.Events.ReceivedAsync(1)));
        Assert.InRange(pairs.Count(pair => pair.Events.Events.Contains("stopping")), 1, Count - 1);

        _time.Advance(Limit);
        await Task.WhenAll(stopping).Soon();
        foreach (MemoryPair pair in pairs)
        {
            await pair.DisposeAsync();
        }
    }

    public static TheoryData<string, Action<SocketConnectionOptions>, string> Mistakes => new()
    {
        { "FirstByteTimeout", options => options.FirstByteTimeout = TimeSpan.Zero, "must be more than zero" },
        { "ReadTimeout", options => options.ReadTimeout = -Limit, "must be more than zero" },
        { "WriteTimeout", options => options.WriteTimeout = TimeSpan.Zero, "must be more than zero" },
        { "HalfClosedTimeout", options => options.HalfClosedTimeout = TimeSpan.Zero, "must be more than zero" },
        { "MaxConnectionAge", options => options.MaxConnectionAge = TimeSpan.Zero, "must be more than zero" },
        { "MaxConnectionAgeJitter", options => options.MaxConnectionAgeJitter = 1.5, "is 1.5; it must be from 0 to 1" },
        { "MaxConnectionAgeJitter", options => options.MaxConnectionAgeJitter = double.NaN, "must be from 0 to 1" },
        { "MaxConnectionAgeGrace", options => options.MaxConnectionAgeGrace = -Limit, "must be zero or more" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task What_is_not_allowed_is_refused_by_name(string option, Action<SocketConnectionOptions> mistake, string reason)
    {
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(() => MemoryPair.ConnectAsync(options: mistake));

        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"{option} is "), exception.Message, StringComparison.Ordinal);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    private Task<MemoryPair> ConnectAsync(Action<SocketConnectionOptions> options, Action<ISocketConnection>? handle = null, int bufferSize = 64 * 1024)
        => MemoryPair.ConnectAsync((connection, _) => handle?.Invoke(connection), options, bufferSize, _time);

    private async Task AssertExpiresAsync(MemoryPair pair, SocketCloseReason reason, string option)
    {
        Task<Exception> error = pair.Events.Error;
        while (!error.IsCompleted)
        {
            // Once more where the connection has not come to wait yet.
            _time.Advance(Limit);
            await Task.Yield();
        }

        Assert.EndsWith($"{option} allows 00:01:00.", Assert.IsType<TimeoutException>(await error).Message, StringComparison.Ordinal);
        await pair.Events.Closed;
        Assert.Equal(reason, pair.Events.ReasonInClosed);
    }
}
