using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "C25")]
public sealed class BlockingHandlerTests
{
    // So long that whoever has to wait for it often is told from who does not, on any machine.
    private static readonly TimeSpan LongLimit = TimeSpan.FromMilliseconds(200);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Row", "C8")]
    public async Task A_hundred_handlers_that_block_hold_up_none_of_a_thousand_other_connections(int loops)
    {
        using var gate = new Gate();
        await using TestHost host = await EventLoopHost.StartAsync(EventLoopHost.BlockInData(gate), loops);
        using Clients others = await Clients.ConnectAsync(host.Server("echo"), 1000);
        using Clients blocked = await Clients.ConnectAsync(host.Server("test"), 100);
        await blocked.ForEachAsync(client => client.SendAsync("late"));
        await gate.BlockedAsync(blocked.Count);

        TimeSpan worst = await others.TalkAsync(rounds: 5);

        Assert.InRange(worst, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        gate.Open();
        await blocked.ForEachAsync(async client => Assert.Equal("late", await client.ReceiveTextAsync(4)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Handlers_that_begin_to_block_at_the_same_time_do_not_hold_up_the_others_one_after_the_other(int loops)
    {
        using var gate = new Gate();
        await using TestHost host = await EventLoopHost.StartAsync(
            EventLoopHost.BlockInData(gate), loops, server => server.Transport.BlockingLimit = LongLimit);
        using Clients blocked = await Clients.ConnectAsync(host.Server("test"), 100);
        using RawClient other = await RawClient.ConnectAsync(host.Server("echo"));
        await Clients.TalkAsync(other);
        long start = Stopwatch.GetTimestamp();

        await blocked.ForEachAsync(client => client.SendAsync("x"));
        await Clients.TalkAsync(other);
        await gate.BlockedAsync(blocked.Count);
        await Clients.TalkAsync(other);

        // One after the other it would be the limit a hundred times.
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, 50 * LongLimit);
        gate.Open();
    }

    [Fact]
    public async Task A_handler_that_blocks_again_and_again_holds_up_the_others_only_once()
    {
        const int Times = 100;
        using var gate = new Gate();
        await using TestHost host = await EventLoopHost.StartAsync(
            EventLoopHost.BlockInData(gate), configure: server => server.Transport.BlockingLimit = LongLimit);
        using RawClient blocked = await RawClient.ConnectAsync(host.Server("test"));
        using RawClient other = await RawClient.ConnectAsync(host.Server("echo"));
        long start = Stopwatch.GetTimestamp();

        for (int i = 0; i < Times; i++)
        {
            await blocked.SendAsync("x");
            await gate.BlockedAsync();
            await Clients.TalkAsync(other);
            gate.Let(1);
            Assert.Equal("x", await blocked.ReceiveTextAsync(1));
        }

        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, Times / 2 * LongLimit);
    }

    [Fact]
    [Trait("Row", "C8")]
    public async Task Handlers_that_wait_for_the_events_of_other_connections_get_them_over_the_same_loop()
    {
        const int Length = 20;
        ManualResetEventSlim[] happened = [.. Enumerable.Range(0, Length).Select(_ => new ManualResetEventSlim())];
        var waiting = new SemaphoreSlim(0);
        await using TestHost host = await EventLoopHost.StartAsync(connection => connection.Data += chunk =>
        {
            // Each waits for the event of the next; the last one waits for nothing.
            int index = chunk[0];
            waiting.Release();
            if (index + 1 < Length)
            {
                Assert.True(happened[index + 1].Wait(Timeouts.Generous));
            }

            happened[index].Set();
            connection.Write(chunk);
        });
        using Clients clients = await Clients.ConnectAsync(host.Server("test"), Length);

        for (int i = 0; i < Length; i++)
        {
            await clients[i].SendAsync(new byte[] { (byte)i });
            Assert.True(await waiting.WaitAsync(Timeouts.Generous));
            await Clients.TalkAsync(host.Server("echo"));
        }

        for (int i = 0; i < Length; i++)
        {
            Assert.Equal([(byte)i], await clients[i].ReceiveExactlyAsync(1));
        }
    }

    [Fact]
    public async Task The_log_names_the_connection_and_the_endpoint_whose_handler_blocks()
    {
        var lines = Channel.CreateUnbounded<string>();
        using var gate = new Gate();
        var accepted = new TaskCompletionSource<string>();
        await using TestHost host = await EventLoopHost.StartAsync(
            connection =>
            {
                accepted.SetResult(connection.Id);
                EventLoopHost.BlockInData(gate)(connection);
            },
            services: services => services.Configure<FakeLogCollectorOptions>(options => options.OutputSink = line => lines.Writer.TryWrite(line)));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await client.SendAsync("x");
        await gate.BlockedAsync();

        string line;
        do
        {
            line = await lines.Reader.ReadAsync().Soon();
        }
        while (!line.Contains("has held its event loop for too long", StringComparison.Ordinal));

        Assert.Contains(await accepted.Task.Soon(), line, StringComparison.Ordinal);
        Assert.Contains("endpoint test", line, StringComparison.Ordinal);
        FakeLogRecord record = Assert.Single(host.Logs.GetSnapshot(), record => record.Id.Name == "HandlerBlocked");
        Assert.Equal(LogLevel.Information, record.Level);
        gate.Open();
    }
}
