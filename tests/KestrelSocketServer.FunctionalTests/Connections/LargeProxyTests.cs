using System.IO.Pipelines;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;

namespace KestrelSocketServer.FunctionalTests.Connections;

/// <summary>Two clients of one server, whose handler passes on what each sends to the other.</summary>
[Trait("Row", "C34")]
public abstract class LargeProxyTests(TestTransport transport, long size)
{
    public static TheoryData<string, bool> StylesAndFirstToFinish
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string style in ReadingStyle.Names)
            {
                data.Add(style, true);
                data.Add(style, false);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(StylesAndFirstToFinish))]
    public async Task Nothing_of_either_direction_is_lost_whichever_end_finishes_first(string style, bool acceptedFirst)
    {
        var firstAccepted = new TaskCompletionSource<ISocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        var proxied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            async connection =>
            {
                if (firstAccepted.TrySetResult(connection))
                {
                    await proxied.Task;
                    return;
                }

                try
                {
                    await ProxyAsync(style, connection, await firstAccepted.Task);
                }
                finally
                {
                    proxied.SetResult();
                }
            },
            transport,
            options => options.AllowHalfOpen = true);
        using RawClient one = await server.ConnectAsync();
        ISocketConnection connectionOfOne = await server.AcceptedAsync();
        using RawClient other = await server.ConnectAsync();
        ISocketConnection connectionOfOther = await server.AcceptedAsync();
        (RawClient first, RawClient second) = acceptedFirst ? (one, other) : (other, one);
        var content = new RepeatingContent();

        // The one that finishes last sends half of its part when all of the other has arrived.
        Task sending = content.SendAsync(second, 0, size / 2);
        Task<long> receivingByFirst = content.ReceiveAsync(first, 0, long.MaxValue);
        Task sendingByFirst = SendAllAsync(first);
        Assert.Equal(size, await content.ReceiveAsync(second, 0, size));
        await sendingByFirst;
        await sending;
        await content.SendAsync(second, size / 2, size);
        await second.ShutdownSendAsync();

        Assert.Equal(size, await receivingByFirst);
        Assert.Empty(await second.ReceiveToEndAsync());
        first.Dispose();
        second.Dispose();
        await server.Host.StopAsync();
        Assert.Equal((0, 0), (connectionOfOne.DiscardedBytes, connectionOfOther.DiscardedBytes));
        Assert.Empty(server.Errors);

        async Task SendAllAsync(RawClient client)
        {
            await content.SendAsync(client, 0, size);
            await client.ShutdownSendAsync();
        }
    }

    private static Task ProxyAsync(string style, ISocketConnection one, ISocketConnection other) => style switch
    {
        "events" => ProxyEventsAsync(one, other),
        "chunks" => Task.WhenAll(CopyChunksAsync(one, other), CopyChunksAsync(other, one)),
        "stream" => ProxyStreamsAsync(one.AsStream(), other.AsStream()),
        _ => ProxyPipesAsync(one.AsPipe(), other.AsPipe()),
    };

    private static async Task ProxyEventsAsync(ISocketConnection one, ISocketConnection other)
    {
        var bothEnded = new CountdownEvent(2);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        one.Ended += OnEnded;
        other.Ended += OnEnded;
        one.Pipe(other, end: false);
        other.Pipe(one, end: false);
        await ended.Task;
        one.End();
        other.End();

        void OnEnded()
        {
            if (bothEnded.Signal())
            {
                ended.SetResult();
            }
        }
    }

    private static async Task CopyChunksAsync(ISocketConnection source, ISocketConnection destination)
    {
        await foreach (ReadOnlyMemory<byte> chunk in source.ReadAllAsync())
        {
            Assert.True(await destination.WriteAsync(chunk));
        }
    }

    private static Task ProxyStreamsAsync(Stream one, Stream other) => Task.WhenAll(one.CopyToAsync(other), other.CopyToAsync(one));

    // Passes each end on when it comes, which the other styles can do only when both have come.
    private static Task ProxyPipesAsync(IDuplexPipe one, IDuplexPipe other)
    {
        return Task.WhenAll(CopyAsync(one.Input, other.Output), CopyAsync(other.Input, one.Output));

        static async Task CopyAsync(PipeReader input, PipeWriter output)
        {
            await input.CopyToAsync(output);
            await output.CompleteAsync();
        }
    }
}

public sealed class PlainLargeProxyTests() : LargeProxyTests(TestTransport.Plain, 512L << 20);

public sealed class TlsLargeProxyTests() : LargeProxyTests(TestTransport.Tls, 32L << 20);
