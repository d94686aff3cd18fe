using System.Collections.Concurrent;
using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "C25")]
public sealed class HandlerThreadTests
{
    private const int LargeSize = 8 * 1024 * 1024;

    private readonly ConcurrentQueue<(string Where, bool OnPool, string? Thread)> _seen = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Events_run_on_the_loop_unless_the_thread_pool_is_asked_for(bool onThreadPool)
    {
        await using TestHost host = await EventLoopHost.StartAsync(
            connection =>
            {
                See("connection");
                connection.Stopping += () => See("stopping");
                connection.Closed += () => See("closed");
                connection.Ended += () => See("ended");
                connection.Drained += () => See("drained");
                connection.Data += chunk =>
                {
                    See("data");
                    connection.Write(chunk);
                };
            },
            configure: server => server.Transport.RunHandlersOnThreadPool = onThreadPool,
            options: options => options.WriteBufferSoftLimit = 1);
        using (RawClient client = await RawClient.ConnectAsync(host.Server("test")))
        {
            for (int i = 0; i < 10; i++)
            {
                await Clients.TalkAsync(client);
            }

            await client.ShutdownSendAsync();
            Assert.Equal("", await client.ReceiveTextToEndAsync());
        }

        using (RawClient client = await RawClient.ConnectAsync(host.Server("test")))
        {
            await Clients.TalkAsync(client);
            await host.StopAsync();
        }

        AssertSeen(onThreadPool, ["closed", "connection", "data", "drained", "ended", "stopping"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Handlers_that_read_and_flush_themselves_go_on_there_too(bool onThreadPool)
    {
        await using TestHost host = await EventLoopHost.StartAsync(
            async connection =>
            {
                IDuplexPipe pipe = connection.AsPipe();
                for (int i = 0; i < 10; i++)
                {
                    ReadResult result = await pipe.Input.ReadAsync();
                    See("read");
                    pipe.Input.AdvanceTo(result.Buffer.End);
                    await pipe.Output.WriteAsync(new byte[LargeSize]);
                    See("flushed");
                }
            },
            configure: server => server.Transport.RunHandlersOnThreadPool = onThreadPool);
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), receiveBuffer: 16_384);
        for (int i = 0; i < 10; i++)
        {
            await client.SendAsync("x");
            await client.ReceiveExactlyAsync(LargeSize);
        }

        Assert.Equal("", await client.ReceiveTextToEndAsync());
        AssertSeen(onThreadPool, ["flushed", "read"]);
    }

    private void See(string where) => _seen.Enqueue((where, Thread.CurrentThread.IsThreadPoolThread, Thread.CurrentThread.Name));

    private void AssertSeen(bool onThreadPool, string[] all)
    {
        Assert.Equal(all, _seen.Select(seen => seen.Where).Distinct().Order());

        // Where the pool has been stuck for a while, as it may be on a single core that others want too, threads of the library help it out.
        string[] allowed = onThreadPool ? [".NET TP Worker", "Socket handlers"] : ["Socket event loop"];
        Assert.All(_seen, seen => Assert.Contains(seen.Thread, allowed));
        Assert.Equal(onThreadPool, _seen.Any(seen => seen.OnPool));
    }
}
