using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Servers;

/// <summary>What surrounds the handler of a connection, as Kestrel's dispatcher surrounds it; the same with and without TLS.</summary>
[Trait("Row", "P3")]
public sealed class ConnectionDispatchTests
{
    public static TheoryData<TestTransport> Transports => [TestTransport.Plain, TestTransport.Tls, TestTransport.KestrelTls];

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task What_was_registered_for_the_end_runs_last_one_first(TestTransport transport)
    {
        var order = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        string done = "";
        await using TestHost host = await StartAsync(transport, listen => listen.Use(next => context =>
        {
            IConnectionCompleteFeature feature = context.Features.GetRequiredFeature<IConnectionCompleteFeature>();
            feature.OnCompleted(Add, "first");
            feature.OnCompleted(Add, "second");
            return next(context);
        }));

        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), transport);
        await client.ShutdownSendAsync();

        Assert.Equal("second first ", await order.Task.Soon());

        Task Add(object name)
        {
            done += $"{name} ";
            if (name is "first")
            {
                order.SetResult(done);
            }

            return Task.CompletedTask;
        }
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task The_id_of_the_connection_is_the_scope_of_what_its_handler_logs(TestTransport transport)
    {
        var id = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await StartAsync(transport, listen => listen.Use(next => context =>
        {
            ILogger logger = listen.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("middleware");
            logger.LogInformation("met {Connection}", context.ConnectionId);
            id.SetResult(context.ConnectionId);
            return next(context);
        }));

        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), transport);

        string expected = await id.Task.Soon();
        FakeLogRecord record = Assert.Single(host.Logs.GetSnapshot(), record => record.Category == "middleware");
        Assert.Contains(record.Scopes, scope => scope?.ToString() == $"ConnectionId:{expected}");
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_middleware_that_throws_ends_its_connection_and_is_told(TestTransport transport)
    {
        await using TestHost host = await StartAsync(transport, listen => listen.Use(next => async context =>
        {
            System.IO.Pipelines.ReadResult result = await context.Transport.Input.ReadAsync();
            bool isBad = result.Buffer.FirstSpan.SequenceEqual("bad"u8);
            context.Transport.Input.AdvanceTo(result.Buffer.Start);
            if (isBad)
            {
                throw new InvalidTimeZoneException("Not this one.");
            }

            await next(context);
        }));
        var error = new TaskCompletionSource<SocketServerError>(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Server("test").Error += error.SetResult;
        using RawClient good = await RawClient.ConnectAsync(host.Server("test"), transport);
        using RawClient bad = await RawClient.ConnectAsync(host.Server("test"), transport);

        await bad.SendAsync("bad");

        Assert.Empty(await bad.ReceiveToEndAsync());
        SocketServerError told = await error.Task.Soon();
        Assert.Equal(SocketServerErrorStage.Handler, told.Stage);
        Assert.Equal("Not this one.", told.Exception.Message);
        Assert.Equal(bad.LocalAddress, told.RemoteEndPoint?.ToString());
        Assert.Contains(host.Logs.GetSnapshot(), record => record.Id.Name == "HandlerFault" && record.Exception is InvalidTimeZoneException);
        await good.SendAsync("good");
        Assert.Equal("good", await good.ReceiveTextAsync(4));
    }

    [Fact]
    public async Task A_registration_that_throws_does_not_keep_the_others_from_their_turn()
    {
        var completed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await StartAsync(TestTransport.Plain, listen => listen.Use(next => context =>
        {
            IConnectionCompleteFeature feature = context.Features.GetRequiredFeature<IConnectionCompleteFeature>();
            feature.OnCompleted(_ => Task.FromResult(completed.TrySetResult()), context);
            feature.OnCompleted(_ => throw new InvalidTimeZoneException(), context);
            return next(context);
        }));

        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await client.ShutdownSendAsync();

        await completed.Task.Soon();
        Assert.Empty(await client.ReceiveToEndAsync());
        Assert.Contains(host.Logs.GetSnapshot(), record => record.Exception is InvalidTimeZoneException);
    }

    [Fact]
    public async Task A_heartbeat_that_throws_does_not_stop_the_hearts_of_others()
    {
        int connections = 0;
        var felt = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int beats = 0;
        await using TestHost host = await StartAsync(TestTransport.Plain, listen => listen.Use(next => context =>
        {
            IConnectionHeartbeatFeature feature = context.Features.GetRequiredFeature<IConnectionHeartbeatFeature>();
            bool throws = Interlocked.Increment(ref connections) == 1;
            feature.OnHeartbeat(_ => _ = throws ? throw new InvalidTimeZoneException() : ++beats < 2 || felt.TrySetResult(), context);
            return next(context);
        }));

        using RawClient first = await RawClient.ConnectAsync(host.Server("test"));
        await EchoAsync(first);
        using RawClient second = await RawClient.ConnectAsync(host.Server("test"));

        await felt.Task.Soon();
        await EchoAsync(first);
        Assert.Contains(host.Logs.GetSnapshot(), record => record.Id.Name == "HeartbeatFault");
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_heartbeat_may_register_another(TestTransport transport)
    {
        var felt = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await StartAsync(transport, listen => listen.Use(next => context =>
        {
            IConnectionHeartbeatFeature feature = context.Features.GetRequiredFeature<IConnectionHeartbeatFeature>();
            feature.OnHeartbeat(_ => feature.OnHeartbeat(_ => felt.TrySetResult(), context), context);
            return next(context);
        }));

        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), transport);

        await felt.Task.Soon();
        LogAssert.NoWarnings(host.Logs);
    }

    [Fact]
    public async Task What_throws_when_it_is_told_of_the_peers_end_is_told_and_harms_nobody()
    {
        await using TestHost host = await StartAsync(TestTransport.Plain, listen => listen.Use(next => context =>
        {
            context.ConnectionClosed.Register(() => throw new InvalidTimeZoneException());
            return next(context);
        }));
        var error = new TaskCompletionSource<SocketServerError>(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Server("test").Error += told => error.TrySetResult(told);
        using RawClient other = await RawClient.ConnectAsync(host.Server("test"));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));

        await client.ShutdownSendAsync();

        Assert.Empty(await client.ReceiveToEndAsync());
        SocketServerError told = await error.Task.Soon();
        Assert.Equal(client.LocalAddress, told.RemoteEndPoint?.ToString());
        Assert.IsType<InvalidTimeZoneException>(Assert.IsType<AggregateException>(told.Exception).InnerException);
        await EchoAsync(other);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task What_throws_when_it_is_told_of_the_shutdown_does_not_keep_it_from_others(TestTransport transport)
    {
        var reached = System.Threading.Channels.Channel.CreateUnbounded<string>();
        int told = 0;
        await using TestHost host = await StartAsync(transport, listen => listen.Use(_ => async context =>
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using CancellationTokenRegistration registration = context.Features.GetRequiredFeature<IConnectionLifetimeNotificationFeature>()
                .ConnectionClosedRequested.Register(() =>
                {
                    Interlocked.Increment(ref told);
                    done.SetResult();
                    throw new InvalidTimeZoneException();
                });
            reached.Writer.TryWrite(context.ConnectionId);
            await done.Task;
        }), shutdownTimeout: Timeouts.Generous);
        using RawClient first = await RawClient.ConnectAsync(host.Server("test"), transport);
        using RawClient second = await RawClient.ConnectAsync(host.Server("test"), transport);
        await reached.Reader.ReadAsync().Soon();
        await reached.Reader.ReadAsync().Soon();

        await host.StopAsync();

        Assert.Equal(2, told);
        Assert.Empty(await first.ReceiveToEndAsync());
        Assert.Empty(await second.ReceiveToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_handler_that_never_returns_does_not_hold_up_the_stop(TestTransport transport)
    {
        var reached = new TaskCompletionSource<ConnectionContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await StartAsync(transport, listen => listen.Use(_ => context =>
        {
            reached.SetResult(context);
            return new TaskCompletionSource().Task;
        }));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), transport);
        ConnectionContext context = await reached.Task.Soon();

        await host.StopAsync();

        Assert.True(context.Features.GetRequiredFeature<IConnectionLifetimeNotificationFeature>().ConnectionClosedRequested.IsCancellationRequested);
        await Assert.ThrowsAnyAsync<IOException>(client.ReceiveToEndAsync);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task What_flows_where_an_endpoint_is_opened_does_not_reach_its_connections(TestTransport transport)
    {
        var opener = new AsyncLocal<string?>();
        var seen = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await TestHost.StartAsync();
        opener.Value = "opener";
        ISocketServer server = await host.Servers.ListenAsync("test", "127.0.0.1:0", listen =>
        {
            transport.Configure(listen);
            listen.UseSocketHandler(_ => seen.SetResult(opener.Value));
        });

        using RawClient client = await RawClient.ConnectAsync(server, transport);

        Assert.Null(await seen.Task.Soon());
    }

    private static async Task EchoAsync(RawClient client)
    {
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    private static Task<TestHost> StartAsync(
        TestTransport transport, Action<ListenOptions> middleware, TimeSpan shutdownTimeout = default) => TestHost.StartWebAsync(server =>
    {
        server.ShutdownTimeout = shutdownTimeout;
        server.Listen("test", 0, listen =>
        {
            transport.Configure(listen);
            middleware(listen);
            listen.UseSocketHandler(connection => connection.Pipe(connection));
        });
    });
}
