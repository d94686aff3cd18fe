using System.Diagnostics;
using System.Globalization;
using KestrelSocketServer.FunctionalTests.Servers;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What needs a process of its own: threads to count, descriptors to use up, a single core, and an end.</summary>
[Trait("Row", "C25")]
public sealed class BlockingProcessTests
{
    // The loop's, its monitor, one that waits for the next handler that blocks, and some that have just been needed.
    private const int FewThreads = 12;

    [Fact]
    [Trait("Row", "C8")]
    public async Task A_handler_that_spins_does_not_keep_the_only_core_from_the_others()
    {
        using ChildProcess child = ChildProcess.StartOnOneCore([], "block");
        string address = await child.ReadLineAsync();
        using RawClient spinning = await RawClient.ConnectAsync(address);
        await spinning.SendAsync("spin");
        Assert.Equal("spins", await child.ReadLineAsync());

        for (int i = 0; i < 20; i++)
        {
            using RawClient other = await RawClient.ConnectAsync(address);
            TimeSpan time = await Clients.TalkAsync(other);
            Assert.InRange(time, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        }

        await TellAsync(address, "go");
        Assert.Equal("spin", await spinning.ReceiveTextAsync(4));
        await Clients.TalkAsync(spinning);
    }

    [Fact]
    public async Task A_handler_that_has_to_wait_for_a_busy_core_is_not_taken_for_one_that_blocks()
    {
        // A runtime that compiles again what is hot holds up all threads to put it in its place, and for as long as the thread that does so
        // has to wait for the core: nothing tells that from a handler that blocks.
        using ChildProcess child = ChildProcess.StartOnOneCore(new() { ["DOTNET_TieredCompilation"] = "0" }, "block");
        string address = await child.ReadLineAsync();
        using RawClient working = await RawClient.ConnectAsync(address);

        // What runs for the first time is compiled, and that may hold the loop; so may the start of a thread.
        await RepeatAsync(working, "work", times: 200);
        for (int i = 0; i < 4; i++)
        {
            await TellAsync(address, "rival");
        }

        await RepeatAsync(working, "work", times: 200);
        int before = await CountBlockedAsync(address);

        await RepeatAsync(working, "work", times: 200);

        Assert.Equal(before, await CountBlockedAsync(address));

        // One that blocks is still found out.
        await working.SendAsync("wait");
        Assert.Equal("waits", await child.ReadLineAsync());
        int after = before;
        for (int i = 0; i < 10_000 && after == before; i++)
        {
            after = await CountBlockedAsync(address);
        }

        Assert.Equal(before + 1, after);
        await TellAsync(address, "go");
        Assert.Equal("wait", await working.ReceiveTextAsync(4));
    }

    [Fact]
    public async Task Threads_do_not_pile_up_however_often_handlers_block()
    {
        using ChildProcess child = ChildProcess.Start("block");
        string address = await child.ReadLineAsync();
        using RawClient same = await RawClient.ConnectAsync(address);
        for (int i = 0; i < 200; i++)
        {
            // In turns the same connection, which is known to block, and one that does so for the first time.
            using RawClient other = await RawClient.ConnectAsync(address);
            RawClient client = i % 2 == 0 ? same : other;
            await client.SendAsync("wait");
            Assert.Equal("waits", await child.ReadLineAsync());
            await TellAsync(address, "go");
            Assert.Equal("wait", await client.ReceiveTextAsync(4));
        }

        Assert.InRange(await CountThreadsAsync(address), 1, FewThreads);
    }

    [Fact]
    [Trait("Row", "L5")]
    public async Task Without_descriptors_for_further_threads_the_process_survives_handlers_that_block()
    {
        // The runtime ends the process where it finds no descriptor for the thread that compiles again what is hot.
        using ChildProcess child = ChildProcess.StartWith(new() { ["DOTNET_TieredCompilation"] = "0" }, "block");
        string address = await child.ReadLineAsync();

        // More than there are threads in reserve: a busy machine makes some at the start.
        RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => RawClient.ConnectAsync(address)));
        foreach (RawClient client in clients)
        {
            await Clients.TalkAsync(client);
        }

        RawClient other = clients[^1];
        await Clients.TalkAsync(other, "fill");

        // Until no thread is left in reserve: then the others wait until a handler returns. It is not the handlers that are too many, so it
        // is no error.
        int blocked = 0;
        Task<string> line = child.ReadLineAsync();
        Task answer;
        do
        {
            await clients[blocked++].SendAsync("wait");
            Assert.Equal("waits", await line);
            line = child.ReadLineAsync();
            answer = Clients.TalkAsync(other);
        }
        while (await Task.WhenAny(line, answer) == answer && blocked < clients.Length - 1);

        Assert.Equal("Warning NoDescriptorForLoopThread", await line);
        for (int i = 0; i < blocked; i++)
        {
            await child.WriteLineAsync("go");
            Assert.Equal("gone", await child.ReadLineAsync());
        }

        await answer;
        for (int i = 0; i < blocked; i++)
        {
            Assert.Equal("wait", await clients[i].ReceiveTextAsync(4));
        }

        Array.ForEach(clients, static client => client.Dispose());
    }

    [Fact]
    [Trait("Row", "H4")]
    public async Task A_process_ends_in_time_while_a_handler_blocks_for_ever()
    {
        using ChildProcess child = ChildProcess.Start("block");
        using RawClient client = await RawClient.ConnectAsync(await child.ReadLineAsync());
        await client.SendAsync("wait");
        Assert.Equal("waits", await child.ReadLineAsync());
        long start = Stopwatch.GetTimestamp();

        await child.SignalAsync("TERM");
        (int exitCode, string errors) = await child.WaitForExitAsync();

        // The shutdown time-out is a second, and Kestrel waits for one more.
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Equal(0, exitCode);
        Assert.Equal("", errors);
    }

    [Theory]
    [MemberData(nameof(TestDrivers.All), MemberType = typeof(TestDrivers))]
    [Trait("Row", "H4")]
    public async Task Five_hundred_handlers_that_block_for_ever_hold_up_neither_the_others_nor_the_end_of_the_process(SocketTransportDriver driver)
    {
        using ChildProcess child = ChildProcess.Start("block", driver.ToString());
        string address = await child.ReadLineAsync();
        RawClient[] blocked = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => RawClient.ConnectAsync(address)));
        try
        {
            await Task.WhenAll(blocked.Select(client => client.SendAsync("wait")));

            // On a loaded machine; a thread pool alone would take twice that for so many.
            await ReadAsync(child, "waits", blocked.Length).WaitAsync(4 * Timeouts.Generous);
            using RawClient other = await RawClient.ConnectAsync(address);
            Assert.InRange(await Clients.TalkAsync(other), TimeSpan.Zero, TimeSpan.FromSeconds(15));
            long start = Stopwatch.GetTimestamp();

            await child.SignalAsync("TERM");
            (int exitCode, string errors) = await child.WaitForExitAsync();

            // The shutdown time-out is a second, and one more is left to handlers whose connections were aborted.
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
            Assert.Equal(0, exitCode);
            Assert.Equal("", errors);
        }
        finally
        {
            Array.ForEach(blocked, client => client.Dispose());
        }
    }

    [Theory]
    [InlineData(50, false)]
    [InlineData(3, true)]
    [Trait("Row", "L10")]
    public async Task Hosts_that_are_disposed_of_leave_no_thread_and_no_descriptor(int hosts, bool block)
    {
        using ChildProcess child = ChildProcess.Start("hosts", hosts.ToString(CultureInfo.InvariantCulture), block ? "block" : "");

        string[] left = (await child.ReadLineAsync()).Split(' ');

        Assert.Equal(0, (await child.WaitForExitAsync()).ExitCode);
        Assert.InRange(int.Parse(left[0], CultureInfo.InvariantCulture), -10, 5);
        Assert.Equal("0", left[1]);
    }

    private static async Task ReadAsync(ChildProcess child, string line, int times)
    {
        for (int i = 0; i < times; i++)
        {
            Assert.Equal(line, await child.ReadLineAsync());
        }
    }

    private static async Task TellAsync(string address, string text)
    {
        using RawClient client = await RawClient.ConnectAsync(address);
        await Clients.TalkAsync(client, text);
    }

    private static async Task RepeatAsync(RawClient client, string text, int times)
    {
        for (int i = 0; i < times; i++)
        {
            await Clients.TalkAsync(client, text);
        }
    }

    private static Task<int> CountThreadsAsync(string address) => AskNumberAsync(address, "threads", length: 3);

    private static Task<int> CountBlockedAsync(string address) => AskNumberAsync(address, "blocked", length: 7);

    private static async Task<int> AskNumberAsync(string address, string question, int length)
    {
        using RawClient client = await RawClient.ConnectAsync(address);
        await client.SendAsync(question);
        return int.Parse(await client.ReceiveTextAsync(length), CultureInfo.InvariantCulture);
    }
}
