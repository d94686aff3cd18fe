using System.Text;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What becomes of a connection whose handler has blocked.</summary>
[Trait("Row", "C25")]
public sealed class HeldConnectionTests
{
    [Fact]
    [Trait("Row", "C1")]
    [Trait("Row", "C8")]
    public async Task What_comes_while_the_handler_blocks_is_delivered_afterwards_whole_and_in_order()
    {
        using var gate = new Gate();
        await using TestHost host = await EventLoopHost.StartAsync(EventLoopHost.BlockInData(gate));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        var sent = new StringBuilder();
        for (int i = 0; i < 100; i++)
        {
            await client.SendAsync($"{i},");
            sent.Append(i).Append(',');
            if (i == 0)
            {
                await gate.BlockedAsync();
            }

            await Clients.TalkAsync(host.Server("echo"));
        }

        gate.Open();

        Assert.Equal(sent.ToString(), await client.ReceiveTextAsync(sent.Length));
        await Clients.TalkAsync(client, "next");
        await client.ShutdownSendAsync();
        Assert.Equal("", await client.ReceiveTextToEndAsync());
    }

    [Fact]
    [Trait("Row", "C1")]
    [Trait("Row", "C8")]
    public async Task Events_never_overlap_however_often_the_handler_blocks()
    {
        const int Times = 200;
        using var gate = new Gate();
        int running = 0;
        int overlaps = 0;
        await using TestHost host = await EventLoopHost.StartAsync(connection => connection.Data += chunk =>
        {
            overlaps += Interlocked.Increment(ref running) > 1 ? 1 : 0;
            byte[] copy = chunk.ToArray();
            gate.Block();
            connection.Write(copy);
            Interlocked.Decrement(ref running);
        });
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        Task<string> received = client.ReceiveTextAsync(Times * 3);
        for (int i = 0; i < Times; i++)
        {
            // The next message comes while the handler of the one before blocks.
            await client.SendAsync($"{i:000}");
            if (i % 2 == 1)
            {
                await gate.BlockedAsync();
                await Clients.TalkAsync(host.Server("echo"));
                gate.Let(1);
            }
        }

        gate.Open();

        Assert.Equal(string.Concat(Enumerable.Range(0, Times).Select(i => $"{i:000}")), await received);
        Assert.Equal(0, overlaps);
    }

    [Fact]
    [Trait("Row", "C18")]
    public async Task A_reset_while_the_handler_blocks_is_told_when_it_returns_also_to_a_paused_connection()
    {
        using var gate = new Gate();
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await EventLoopHost.StartAsync(connection =>
        {
            connection.Closed += closed.SetResult;
            connection.Data += chunk =>
            {
                if (chunk.Length == 1)
                {
                    connection.Write(chunk);
                    return;
                }

                gate.Block();
                connection.Pause();
            };
        });
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await Clients.TalkAsync(client, "1");
        await Clients.TalkAsync(client, "2");
        await client.SendAsync("block");
        await gate.BlockedAsync();
        client.Reset();

        // The loop has come around since, and has seen it.
        await Clients.TalkAsync(host.Server("echo"));
        await Clients.TalkAsync(host.Server("echo"));
        gate.Open();

        await closed.Task.Soon();
    }

    [Fact]
    [Trait("Row", "C16")]
    public async Task A_connection_is_closed_by_another_thread_while_its_handler_blocks()
    {
        using var gate = new Gate();
        var accepted = new TaskCompletionSource<ISocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await EventLoopHost.StartAsync(connection =>
        {
            connection.Closed += closed.SetResult;
            EventLoopHost.BlockInData(gate)(connection);
            accepted.SetResult(connection);
        });
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        ISocketConnection connection = await accepted.Task.Soon();
        await client.SendAsync("x");
        await gate.BlockedAsync();

        connection.Close();
        Assert.False(connection.Write("more"));
        Assert.False(closed.Task.IsCompleted);
        gate.Open();

        await closed.Task.Soon();
        Assert.Equal("", await client.ReceiveTextToEndAsync());
    }
}
