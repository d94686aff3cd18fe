using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Messages;

[Trait("Row", "M8")]
public sealed class MessageTimeoutTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();
    private readonly TaskCompletionSource<Exception> _error = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<SocketCloseReason?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool _isRecorded;

    [Fact]
    [Trait("Row", "M6")]
    public async Task A_message_that_drips_is_late_and_gets_a_farewell()
    {
        await using InMemorySocketClient client = Connect((connection, line) => connection.Write(line));

        // What comes with the first line has begun when the answer to that is there.
        await client.SendAsync("one\ntw");
        Assert.Equal("one", await client.ReceiveLineAsync().Soon());
        _time.Advance(Limit / 2);
        await client.SendAsync("o");
        _time.Advance(Limit / 2 - TimeSpan.FromMilliseconds(1));
        Assert.False(_error.Task.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        var violation = Assert.IsType<MessageProtocolException>(await _error.Task.Soon());
        Assert.Equal(MessageRules.Timeout, violation.Rule);
        Assert.Equal(4, violation.Position);
        Assert.Contains("MessageTimeout of 00:00:10", violation.Message, StringComparison.Ordinal);
        Assert.Equal("too late", await client.ReceiveLineAsync().Soon());
        Assert.Equal(SocketCloseReason.MessageTimeout, await _closed.Task.Soon());
    }

    [Fact]
    public async Task Each_message_has_its_own_time_and_none_runs_between_them()
    {
        await using InMemorySocketClient client = Connect((connection, line) => connection.Write(line));

        await client.SendAsync("one\ntw");
        Assert.Equal("one", await client.ReceiveLineAsync().Soon());
        _time.Advance(Limit * 0.9);
        await client.SendAsync("o\nthr");
        Assert.Equal("two", await client.ReceiveLineAsync().Soon());
        _time.Advance(Limit * 0.9);
        await client.SendAsync("ee\n");
        Assert.Equal("three", await client.ReceiveLineAsync().Soon());
        _time.Advance(Limit * 10);
        await client.SendAsync("four\n");
        Assert.Equal("four", await client.ReceiveLineAsync().Soon());
        Assert.False(_error.Task.IsCompleted);
    }

    [Fact]
    public async Task It_does_not_run_while_the_handler_is_at_work_or_has_paused()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ISocketConnection<string>? paused = null;
        await using InMemorySocketClient client = MemoryMessages.Connect(
            builder => builder.UseSocketHandler(
                Framing.Lines(20).AsText(),
                async (connection, line) =>
                {
                    if (line == "wait")
                    {
                        connection.Write("waiting");
                        await release.Task;
                    }
                    else if (line == "pause")
                    {
                        paused = connection;
                        connection.Pause();
                    }

                    connection.Write(line);
                },
                options => options.MessageTimeout = Limit),
            _time);

        await client.SendAsync("wait\npau");
        Assert.Equal("waiting", await client.ReceiveLineAsync().Soon());
        _time.Advance(Limit * 3);
        release.SetResult();
        Assert.Equal("wait", await client.ReceiveLineAsync().Soon());
        await client.SendAsync("se\nthr");
        Assert.Equal("pause", await client.ReceiveLineAsync().Soon());
        _time.Advance(Limit * 3);
        paused!.Resume();
        await client.SendAsync("ee\n");
        Assert.Equal("three", await client.ReceiveLineAsync().Soon());
    }

    [Fact]
    [Trait("Row", "M4")]
    public async Task Whoever_pulls_messages_gets_it_as_an_exception()
    {
        await using InMemorySocketClient client = MemoryMessages.Connect(
            builder => builder.UseSocketHandler(
                async connection =>
                {
                    Record(connection);
                    await foreach (string line in connection.ReadLinesAsync(20))
                    {
                        connection.Write(line + "\n");
                    }
                },
                options => options.MessageTimeout = Limit),
            _time);

        await client.SendAsync("one\ntw");
        Assert.Equal("one", await client.ReceiveLineAsync().Soon());
        using var patience = new CancellationTokenSource(Timeouts.Generous);
        while (!_error.Task.IsCompleted)
        {
            // The wait for the rest begins a moment after the answer was sent.
            patience.Token.ThrowIfCancellationRequested();
            _time.Advance(Limit);
            await Task.Yield();
        }

        Assert.Equal(MessageRules.Timeout, Assert.IsType<MessageProtocolException>(await _error.Task.Soon()).Rule);
        Assert.Equal(SocketCloseReason.MessageTimeout, await _closed.Task.Soon());
    }

    private InMemorySocketClient Connect(Action<ISocketConnection<string>, string> onMessage) => MemoryMessages.Connect(
        builder => builder.UseSocketHandler(
            Framing.Lines(20).AsText(),
            (connection, line) =>
            {
                if (!_isRecorded)
                {
                    _isRecorded = true;
                    Record(connection);
                    connection.Error += _ => connection.Write("too late");
                }

                onMessage(connection, line);
            },
            options => options.MessageTimeout = Limit),
        _time);

    private void Record(ISocketConnection connection)
    {
        connection.Error += error => _error.TrySetResult(error);
        connection.Closed += () => _closed.TrySetResult(connection.CloseReason);
    }
}
