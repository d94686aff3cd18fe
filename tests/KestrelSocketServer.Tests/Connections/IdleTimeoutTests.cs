using System.Buffers;
using System.IO.Pipelines;
using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Connections;

/// <summary>Over a transport that is not the library's own, which does not tell whether it is used.</summary>
[Trait("Row", "C28")]
public sealed class IdleTimeoutTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Almost = TimeSpan.FromSeconds(50);

    private readonly FakeTimeProvider _time = new();
    private readonly FakeHeartbeat _heartbeat = new();

    [Fact]
    [Trait("Row", "D1")]
    public async Task A_connection_that_was_idle_for_too_long_is_closed_with_an_error()
    {
        await using MemoryPair pair = await ConnectAsync();
        Beat(Almost);
        await AssertEchoesAsync(pair);
        Beat(TimeSpan.Zero);

        Beat(Almost);
        await AssertEchoesAsync(pair);
        Beat(TimeSpan.Zero);
        Beat(Limit);

        TimeoutException error = Assert.IsType<TimeoutException>(await pair.Events.Error);
        Assert.Contains("60.0 s", error.Message, StringComparison.Ordinal);
        Assert.Contains("IdleTimeout allows 00:01:00", error.Message, StringComparison.Ordinal);
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.Idle, pair.Events.ReasonInError);
        Assert.Equal(SocketCloseReason.Idle, pair.Events.ReasonInClosed);
        Beat(Limit);
        Assert.Equal(["data", "error", "close"], pair.Events.Events);
    }

    [Fact]
    public async Task Where_there_is_no_heartbeat_a_timer_takes_its_place()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(
            (connection, _) => connection.Pipe(connection), options => options.IdleTimeout = Limit, timeProvider: _time);
        await pair.FirstRead;
        _time.Advance(Almost);
        await AssertEchoesAsync(pair);
        _time.Advance(Almost);
        await AssertEchoesAsync(pair);

        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Advance(Limit);

        Assert.IsType<TimeoutException>(await pair.Events.Error);
        await pair.Events.Closed;
    }

    [Fact]
    public async Task What_is_received_keeps_it_open()
    {
        await using MemoryPair pair = await ConnectAsync((_, _) => { });
        for (int round = 1; round <= 5; round++)
        {
            Beat(Almost);
            await pair.Client.SendAsync("x");
            await pair.Events.ReceivedAsync(round);
            await pair.ReadsAsync(round + 1);
            Beat(TimeSpan.Zero);
        }

        Assert.Equal(["data"], pair.Events.Events);
        Beat(Limit);
        await pair.Events.Error;
    }

    [Fact]
    public async Task What_is_sent_keeps_it_open()
    {
        await using MemoryPair pair = await ConnectAsync((_, _) => { });
        for (int round = 0; round < 5; round++)
        {
            Beat(Almost);
            pair.Connection.Write("x");
            await pair.Client.ReceiveExactlyAsync(1).Soon();
            Beat(TimeSpan.Zero);
        }

        Assert.Empty(pair.Events.Events);
        Beat(Limit);
        await pair.Events.Error;
    }

    [Fact]
    public async Task What_waits_to_be_sent_keeps_it_open()
    {
        await using MemoryPair pair = await ConnectAsync((connection, _) => connection.Write(new byte[100_000]), bufferSize: 1);
        await pair.FirstRead;

        Beat(Limit);
        Beat(Limit);
        Beat(Limit);

        pair.Connection.End();
        Assert.Equal(100_000, (await pair.Client.ReceiveToEndAsync().Soon()).Length);
        await pair.Events.Closed;
        Assert.DoesNotContain("error", pair.Events.Events);
    }

    [Fact]
    public async Task A_paused_connection_is_idle()
    {
        await using MemoryPair pair = await ConnectAsync((connection, _) => connection.Pause());
        await pair.Client.SendAsync("unread");

        Beat(Limit);

        await pair.Events.Error;
        await pair.Events.Closed;
        Assert.Equal(["error", "close"], pair.Events.Events);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_took_the_pipe_is_watched_too(bool idle)
    {
        var taken = new TaskCompletionSource<ISocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        var builder = new ConnectionBuilder(new ServiceCollection().AddSingleton<TimeProvider>(_time).BuildServiceProvider());
        _heartbeat.Use(builder);
        builder.UseSocketHandler(
            async connection =>
            {
                taken.SetResult(connection);
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
            options => options.IdleTimeout = Limit);
        await using var client = InMemorySocketClient.Connect(builder.Build());
        ISocketConnection connection = await taken.Task.Soon();
        for (int round = 0; round < 5; round++)
        {
            Beat(Almost);
            await client.SendAsync("x");
            await client.ReceiveExactlyAsync(1).Soon();
            Beat(TimeSpan.Zero);
        }

        if (idle)
        {
            Beat(Limit);
        }
        else
        {
            client.End();
        }

        await client.Completion.Soon();
        Assert.Equal(idle ? SocketCloseReason.Idle : SocketCloseReason.PeerEnded, connection.CloseReason);
    }

    [Fact]
    public async Task By_default_nothing_is_watched()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(timeProvider: _time, build: _heartbeat.Use);

        Assert.Equal(0, _heartbeat.Listeners);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public async Task A_limit_of_nothing_is_refused(int seconds)
    {
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(
            () => MemoryPair.ConnectAsync(options: options => options.IdleTimeout = TimeSpan.FromSeconds(seconds)));

        Assert.Contains("IdleTimeout is", exception.Message, StringComparison.Ordinal);
        Assert.Contains("more than zero", exception.Message, StringComparison.Ordinal);
    }

    private async Task<MemoryPair> ConnectAsync(Action<ISocketConnection, EventRecorder>? handle = null, int bufferSize = 64 * 1024)
    {
        MemoryPair pair = await MemoryPair.ConnectAsync(
            handle ?? ((connection, _) => connection.Pipe(connection)), options => options.IdleTimeout = Limit, bufferSize, _time, _heartbeat.Use);
        if (handle is null)
        {
            await pair.FirstRead;
        }

        return pair;
    }

    private void Beat(TimeSpan later)
    {
        _time.Advance(later);
        _heartbeat.Beat();
    }

    private static async Task AssertEchoesAsync(MemoryPair pair)
    {
        int reads = pair.Reads;
        await pair.Client.SendAsync("x");
        Assert.Equal("x"u8.ToArray(), await pair.Client.ReceiveExactlyAsync(1).Soon());

        // By now it is done with what it has read.
        await pair.ReadsAsync(reads + 1);
    }
}
