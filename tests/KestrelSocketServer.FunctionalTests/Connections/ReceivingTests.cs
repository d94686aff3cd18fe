using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class ReceivingTests(TestTransport transport)
{
    [Fact]
    [Trait("Row", "C1")]
    public async Task Data_is_what_was_sent_in_order_and_never_empty()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);
        using var sent = new MemoryStream();
        foreach (int length in (int[])[1, 0, 2, 4096, 0, 70_000, 3])
        {
            byte[] part = RandomNumberGenerator.GetBytes(length);
            sent.Write(part);
            await pair.Client.SendAsync(part);
        }

        await pair.Events.ReceivedAsync(sent.Length);
        Assert.Equal(sent.ToArray(), pair.Events.Received);
        Assert.Equal(0, pair.Events.EmptyChunks);
    }

    [Fact]
    [Trait("Row", "C1")]
    [Trait("Row", "C24")]
    public async Task Every_byte_passes_both_ways()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pipe(connection));

        await pair.Client.SendAsync(all);

        Assert.Equal(all, await pair.Client.ReceiveExactlyAsync(256));
        Assert.Equal(all, pair.Events.Received);
    }

    [Fact]
    [Trait("Row", "C2")]
    public async Task Data_that_comes_before_the_subscription_waits_for_it()
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var subscribe = new SemaphoreSlim(0);
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
                entered.SetResult();
                Assert.True(subscribe.Wait(Timeouts.Generous));
                recorded.SetResult(new EventRecorder(connection));
            },
            transport);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("early");
        await client.ShutdownSendAsync();
        await entered.Task.Soon();

        subscribe.Release();

        EventRecorder events = await recorded.Task.Soon();
        await events.Closed;
        Assert.Equal("early", events.Text);
        Assert.Equal(["data", "end", "close"], events.Events);
    }

    [Fact]
    [Trait("Row", "C2")]
    public async Task A_handler_that_awaits_before_it_subscribes_loses_nothing()
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var subscribe = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            async connection =>
            {
                entered.SetResult();
                await subscribe.Task;
                recorded.SetResult(new EventRecorder(connection));
            },
            transport);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("early");
        await entered.Task.Soon();

        subscribe.SetResult();

        EventRecorder events = await recorded.Task.Soon();
        await events.ReceivedAsync(5);
        Assert.Equal("early", events.Text);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(300_000)]
    [Trait("Row", "C3")]
    public async Task Data_sent_right_before_the_peers_end_comes_before_end(int length)
    {
        byte[] data = RandomNumberGenerator.GetBytes(length);
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);

        await pair.Client.SendAsync(data);
        await pair.Client.ShutdownSendAsync();

        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        Assert.Equal(["data", "end", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C3")]
    public async Task A_client_that_sends_and_leaves_at_once_is_heard()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);

        await pair.Client.SendAsync("bye");
        await pair.Client.ShutdownSendAsync();
        pair.Client.Dispose();

        await pair.Events.Closed;
        Assert.Equal("bye", pair.Events.Text);
        Assert.Equal(["data", "end", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C5")]
    public async Task A_connection_without_any_subscriber_reads_to_the_end_and_closes()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(_ => { }, transport);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(new byte[3_000_000]);
        await client.ShutdownSendAsync();

        Assert.Empty(await client.ReceiveToEndAsync());
    }
}

public sealed class PlainReceivingTests() : ReceivingTests(TestTransport.Plain);

public sealed class TlsReceivingTests() : ReceivingTests(TestTransport.Tls);
