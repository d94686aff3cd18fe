using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Servers;

[Trait("Row", "G19")]
public sealed class DrainTests
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Clients_are_refused_and_those_that_are_there_leave_when_they_are_asked_to(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await StartAsync(driver, Goodbye);
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await ConnectAsync(server);
        using RawClient second = await ConnectAsync(server);

        Task<int> drain = server.Server.DrainAsync();

        await Tcp.AssertRefusedAsync(endPoint);
        Assert.Null(server.Server.EndPoint);
        Assert.Equal("bye", await first.ReceiveTextToEndAsync());
        Assert.Equal("bye", await second.ReceiveTextToEndAsync());
        first.Dispose();
        second.Dispose();
        Assert.Equal(0, await drain.Soon());
        Assert.Empty(server.Server.Connections);
        Assert.Contains(server.Host.Logs.GetSnapshot(), record => record.Id.Name == "Drained");
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task They_are_asked_one_after_the_other_over_a_time(SocketTransportDriver driver)
    {
        var time = new FakeTimeProvider();
        long start = time.GetTimestamp();
        var asked = new ConcurrentQueue<TimeSpan>();
        var told = new SemaphoreSlim(0);
        await using SocketServerFixture server = await StartAsync(
            driver,
            connection => connection.Stopping += () =>
            {
                asked.Enqueue(time.GetElapsedTime(start));
                told.Release();
            },
            time);
        using RawClient first = await ConnectAsync(server);
        using RawClient second = await ConnectAsync(server);
        using RawClient third = await ConnectAsync(server);
        using RawClient fourth = await ConnectAsync(server);

        Task<int> drain = server.Server.DrainAsync(new() { Spread = TimeSpan.FromSeconds(40), Timeout = TimeSpan.FromSeconds(60) });
        int left = await ExpireAsync(drain, time, TimeSpan.FromMilliseconds(100));

        Assert.Equal(4, left);
        for (int i = 0; i < 4; i++)
        {
            await told.WaitAsync().Soon();
        }

        TimeSpan[] times = [.. asked.Order()];
        for (int i = 0; i < times.Length; i++)
        {
            Assert.InRange(times[i], TimeSpan.FromSeconds(10 * i), TimeSpan.MaxValue);
        }
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Some_may_be_left_and_live_on(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await StartAsync(driver, connection => connection.Data += chunk => connection.Write(chunk));
        using RawClient first = await ConnectAsync(server);
        using RawClient second = await ConnectAsync(server);
        using RawClient third = await ConnectAsync(server);

        Task<int> drain = server.Server.DrainAsync(new() { Remaining = 1, Timeout = Timeout.InfiniteTimeSpan });
        first.Dispose();
        Assert.False(drain.IsCompleted);
        third.Dispose();

        Assert.Equal(1, await drain.Soon());
        await second.SendAsync("still served");
        Assert.Equal("still served", await second.ReceiveTextAsync(12));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task When_the_time_is_up_those_that_are_left_live_on(SocketTransportDriver driver)
    {
        var time = new FakeTimeProvider();
        await using SocketServerFixture server = await StartAsync(driver, connection => connection.Data += chunk => connection.Write(chunk), time);
        using RawClient first = await ConnectAsync(server);
        using RawClient second = await ConnectAsync(server);

        Task<int> drain = server.Server.DrainAsync(new() { Timeout = TimeSpan.FromSeconds(5) });
        time.Advance(TimeSpan.FromSeconds(4.999));
        Assert.False(drain.IsCompleted);
        Assert.Equal(2, await ExpireAsync(drain, time, TimeSpan.FromMilliseconds(1)));

        await first.SendAsync("still served");
        Assert.Equal("still served", await first.ReceiveTextAsync(12));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task How_many_are_left_is_told_and_logged_once_a_second_and_told_at_the_end(SocketTransportDriver driver)
    {
        var time = new FakeTimeProvider();
        var progress = new Progress();
        await using SocketServerFixture server = await StartAsync(driver, connection => connection.Data += _ => { }, time);
        using RawClient first = await ConnectAsync(server);

        Task<int> drain = server.Server.DrainAsync(new() { Timeout = Timeout.InfiniteTimeSpan, Progress = progress });
        time.Advance(TimeSpan.FromSeconds(0.999));
        Assert.Empty(progress.Reports);
        while (progress.Reports.Count < 3)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.All(progress.Reports, left => Assert.Equal(1, left));
        first.Dispose();
        Assert.Equal(0, await drain.Soon());

        Assert.Equal(0, progress.Reports.Last());
        Assert.Equal(progress.Reports.Count - 1, server.Host.Logs.GetSnapshot().Count(record => record.Id.Name == "Draining"));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_wait_that_is_cancelled_is_over_and_the_endpoint_stays_closed(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await StartAsync(driver, _ => { });
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient client = await ConnectAsync(server);
        using var cancellation = new CancellationTokenSource();

        Task<int> drain = server.Server.DrainAsync(new() { Timeout = Timeout.InfiniteTimeSpan }, cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => drain.Soon());
        await Tcp.AssertRefusedAsync(endPoint);
    }

    [Fact]
    public async Task All_endpoints_are_drained_together()
    {
        await using TestHost host = await TestHost.StartAsync(server => server
            .Listen("a", 0, listen => listen.UseSocketHandler(Goodbye))
            .Listen("b", 0, listen => listen.UseSocketHandler(_ => { })));
        EndPoint a = host.Server("a").EndPoint!;
        EndPoint b = host.Server("b").EndPoint!;
        using RawClient leaving = await RawClient.ConnectAsync(a);
        await leaving.SendAsync("x");
        Assert.Equal("x", await leaving.ReceiveTextAsync(1));
        var accepted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Server("b").Connection += _ => accepted.SetResult();
        using RawClient staying = await RawClient.ConnectAsync(b);
        await accepted.Task.Soon();

        Task<int> drain = host.Servers.DrainAsync(new() { Remaining = 1, Timeout = Timeout.InfiniteTimeSpan });
        Assert.Equal("bye", await leaving.ReceiveTextToEndAsync());
        leaving.Dispose();

        Assert.Equal(1, await drain.Soon());
        await Tcp.AssertRefusedAsync(a);
        await Tcp.AssertRefusedAsync(b);
    }

    [Fact]
    public async Task An_endpoint_that_listens_again_starts_afresh()
    {
        await using TestHost host = await TestHost.StartAsync();
        int asked = 0;
        void Listen(Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions listen) => listen.UseSocketHandler(connection =>
        {
            connection.Stopping += () => Interlocked.Increment(ref asked);
            connection.Data += chunk => connection.Write(chunk);
        });
        ISocketServer server = await host.Servers.ListenAsync("again", "127.0.0.1:0", Listen);
        Assert.Equal(0, await server.DrainAsync().Soon());

        await host.Servers.ListenAsync("again", "127.0.0.1:0", Listen);
        using RawClient client = await RawClient.ConnectAsync(server);
        await client.SendAsync("hello");

        Assert.Equal("hello", await client.ReceiveTextAsync(5));
        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task A_handler_of_Kestrels_kind_is_asked_in_Kestrels_way()
    {
        var handler = new PatientHandler();
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => listen.UseSocketHandler<PatientHandler>(), setup: new HostSetup { Services = services => services.AddSingleton(handler) });
        using RawClient client = await server.ConnectAsync();
        await handler.Connected.Task.Soon();

        Task<int> drain = server.Server.DrainAsync(new() { Timeout = Timeout.InfiniteTimeSpan });

        Assert.Empty(await client.ReceiveToEndAsync());
        client.Dispose();
        Assert.Equal(0, await drain.Soon());
    }

    public static TheoryData<string, SocketDrainOptions> Mistakes => new()
    {
        { "Timeout is -00:00:05", new() { Timeout = TimeSpan.FromSeconds(-5) } },
        { "Spread is 00:01:00", new() { Spread = TimeSpan.FromMinutes(1) } },
        { "Spread is -00:00:01", new() { Spread = TimeSpan.FromSeconds(-1) } },
        { "Remaining is -1", new() { Remaining = -1 } },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task What_is_not_allowed_is_refused_and_nothing_is_stopped(string message, SocketDrainOptions options)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(_ => { });

        ArgumentException one = await Assert.ThrowsAsync<ArgumentException>(() => server.Server.DrainAsync(options));
        ArgumentException all = await Assert.ThrowsAsync<ArgumentException>(() => server.Host.Servers.DrainAsync(options));

        Assert.StartsWith(message, one.Message, StringComparison.Ordinal);
        Assert.StartsWith(message, all.Message, StringComparison.Ordinal);
        Assert.NotNull(server.Server.Address);
    }

    private static Task<SocketServerFixture> StartAsync(SocketTransportDriver driver, Action<ISocketConnection> handle, TimeProvider? time = null)
        => SocketServerFixture.StartAsync(handle, setup: new HostSetup
        {
            Server = server => server.Transport.Driver = driver,
            Services = services =>
            {
                if (time is not null)
                {
                    services.AddSingleton(time);
                }
            },
        });

    private static async Task<RawClient> ConnectAsync(SocketServerFixture server)
    {
        RawClient client = await server.ConnectAsync();
        await server.AcceptedAsync();
        return client;
    }

    private static void Goodbye(ISocketConnection connection)
    {
        connection.Data += chunk => connection.Write(chunk);
        connection.Stopping += () => connection.End("bye"u8);
    }

    private static async Task<int> ExpireAsync(Task<int> drain, FakeTimeProvider time, TimeSpan step)
    {
        while (!drain.IsCompleted)
        {
            time.Advance(step);
            await Task.Yield();
        }

        return await drain;
    }

    private sealed class PatientHandler : ConnectionHandler
    {
        public TaskCompletionSource Connected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async Task OnConnectedAsync(ConnectionContext connection)
        {
            Connected.SetResult();
            var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using CancellationTokenRegistration registration = connection.Features.Get<IConnectionLifetimeNotificationFeature>()!
                .ConnectionClosedRequested.Register(asked.SetResult);
            await asked.Task;
        }
    }

    private sealed class Progress : IProgress<int>
    {
        public ConcurrentQueue<int> Reports { get; } = new();

        public void Report(int value) => Reports.Enqueue(value);
    }
}
