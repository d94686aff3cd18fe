using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Connections.Members;

public sealed class ClosedTokenTests
{
    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C35")]
    [Trait("Row", "C36")]
    public async Task Whoever_asks_early_or_late_is_told_of_the_close(string place)
    {
        var early = new TaskCompletionSource<SocketCloseReason?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using PlacedConnection pair = await PlacedConnection.StartAsync(
            place,
            connection =>
            {
                connection.ConnectionClosed.Register(() => early.TrySetResult(connection.CloseReason));
                return Task.CompletedTask;
            },
            data: true);
        Assert.False(pair.Connection.ConnectionClosed.IsCancellationRequested);

        await pair.Client.ShutdownSendAsync();
        await pair.Events.Closed;

        Assert.Equal(SocketCloseReason.PeerEnded, await early.Task.Soon());
        int told = 0;
        pair.Connection.Closed += () => told++;
        Assert.Equal(1, told);
        Assert.True(pair.Connection.ConnectionClosed.IsCancellationRequested);
    }

    [Fact]
    [Trait("Row", "C35")]
    public async Task Whoever_asks_only_after_the_close_finds_it_cancelled()
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync("plain", data: true);
        pair.Connection.Close();
        await pair.Events.Closed;

        Assert.True(pair.Connection.ConnectionClosed.IsCancellationRequested);
    }

    [Fact]
    [Trait("Row", "C36")]
    public async Task A_subscription_to_the_close_is_raised_once_whenever_it_is_made()
    {
        for (int i = 0; i < 200; i++)
        {
            await using var server = Testing.InMemorySocketServer.Start(static _ => { });
            Testing.InMemorySocketClient client = server.Connect();
            ISocketConnection connection = await client.Connection.Soon();
            int[] raised = new int[4];
            var last = new CountdownEvent(raised.Length);

            Task closing = Task.Run(connection.Close);
            await Task.WhenAll(Enumerable.Range(0, raised.Length).Select(number => Task.Run(() => connection.Closed += () =>
            {
                Interlocked.Increment(ref raised[number]);
                last.Signal();
            }))).Soon();

            Assert.True(last.Wait(Timeouts.Generous));
            await closing.Soon();
            await client.Closed.Soon();
            Assert.Equal([1, 1, 1, 1], raised);
            last.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.OwnTransport), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C35")]
    public async Task A_handler_that_is_busy_while_the_peer_leaves_can_give_up(string place)
    {
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gaveUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await StartAsync(place, listen => listen.UseSocketHandler(async (connection, connectionClosed) =>
        {
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync(connectionClosed))
            {
                began.TrySetResult();
                try
                {
                    await Task.Delay(Timeout.Infinite, connectionClosed);
                }
                catch (OperationCanceledException)
                {
                    gaveUp.SetResult();
                    throw;
                }
            }
        }));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), HandlerPlace.All[place].Transport);
        await client.SendAsync("x");
        await began.Task.Soon();

        client.Reset();

        await gaveUp.Task.Soon();
        await host.StopAsync();
        LogAssert.NoWarnings(host.Logs);
    }

    [Theory]
    [InlineData("class")]
    [InlineData("function")]
    [InlineData("configured")]
    [InlineData("memory")]
    [Trait("Row", "C35")]
    [Trait("Row", "H6")]
    public async Task Each_kind_of_handler_can_have_the_token(string kind)
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Func<ISocketConnection, CancellationToken, Task> handle = (connection, connectionClosed) =>
        {
            Assert.Equal(connection.ConnectionClosed, connectionClosed);
            connectionClosed.Register(closed.SetResult);
            return Task.CompletedTask;
        };
        if (kind == "memory")
        {
            await using Testing.InMemorySocketClient inMemory = Testing.InMemorySocketClient.Connect(handle);
            inMemory.End();
            await closed.Task.Soon();
            return;
        }

        TokenHandler.Handle = handle;
        await using TestHost host = await TestHost.StartWebAsync(
            server =>
            {
                if (kind == "configured")
                {
                    server.Endpoint("test").UseSocketHandler(handle);
                }
                else
                {
                    server.Listen("test", 0, listen => _ = kind == "class" ? listen.UseSocketHandler<TokenHandler>() : listen.UseSocketHandler(handle));
                }
            },
            builder => builder.WebHost.UseSetting("SocketServer:Endpoints:test:Url", kind == "configured" ? "127.0.0.1:0" : null));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));

        await client.ShutdownSendAsync();

        await closed.Task.Soon();
    }

    private static Task<TestHost> StartAsync(string place, Action<Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions> handler)
        => TestHost.StartWebAsync(server => server.Listen("test", 0, listen =>
        {
            HandlerPlace.All[place].Transport.Configure(listen);
            handler(listen);
        }));

    private sealed class TokenHandler : SocketConnectionHandler
    {
        public static Func<ISocketConnection, CancellationToken, Task> Handle { get; set; } = null!;

        protected override Task OnConnectionAsync(ISocketConnection connection, CancellationToken connectionClosed) => Handle(connection, connectionClosed);
    }
}
