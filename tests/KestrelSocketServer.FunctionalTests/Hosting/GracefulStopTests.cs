using System.Net;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Hosting;

public sealed class GracefulStopTests
{
    private readonly TaskCompletionSource<EventRecorder> _recorder = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    [Trait("Row", "H4")]
    public async Task Accepting_stops_at_once_while_another_service_is_slow_to_stop()
    {
        var slow = new SlowService();
        await using TestHost host = await StartAsync(Record, services => services.AddSingleton<IHostedService>(slow), Timeout.InfiniteTimeSpan);
        EndPoint endPoint = host.Server("test").EndPoint!;
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        EventRecorder recorder = await _recorder.Task.Soon();

        Task stop = host.StopAsync();
        await slow.Stopping.Task.Soon();
        await Tcp.AssertRefusedAsync(endPoint);
        await recorder.Stopping;
        Assert.False(stop.IsCompleted);
        client.Dispose();
        slow.Stopped.SetResult();
        await stop.Soon();
    }

    [Fact]
    [Trait("Row", "H4")]
    public async Task Connections_that_end_by_themselves_are_awaited()
    {
        await using TestHost host = await StartAsync(
            connection =>
            {
                Record(connection);
                connection.Pipe(connection);
            },
            timeout: Timeout.InfiniteTimeSpan);
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        EventRecorder recorder = await _recorder.Task.Soon();
        Task stop = host.StopAsync();
        await recorder.Stopping;
        await client.SendAsync("still served");
        Assert.Equal("still served", await client.ReceiveTextAsync(12));
        Assert.False(stop.IsCompleted);
        await client.ShutdownSendAsync();
        Assert.Equal("", await client.ReceiveTextToEndAsync());
        await stop.Soon();
        Assert.Equal(["stopping", "data", "end", "close"], recorder.Events);
    }

    [Fact]
    [Trait("Row", "H4")]
    public async Task The_rest_is_closed_when_the_shutdown_timeout_is_over()
    {
        var time = new FakeTimeProvider();
        await using TestHost host = await StartAsync(Record, services => services.AddSingleton<TimeProvider>(time));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        EventRecorder recorder = await _recorder.Task.Soon();
        Task stop = host.StopAsync();
        await recorder.Stopping;
        time.Advance(TimeSpan.FromSeconds(0.999));
        Assert.False(stop.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.001));
        await Tcp.AssertClosedAsync(client);
        await stop.Soon();
        await recorder.Closed;
        Assert.Contains(host.Logs.GetSnapshot(), record => record.Id.Name == "ShutdownTimedOut");
    }

    [Fact]
    [Trait("Row", "H4")]
    public async Task The_rest_is_closed_when_the_host_waits_no_longer()
    {
        await using TestHost host = await StartAsync(
            Record, services => services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(100)), Timeout.InfiniteTimeSpan);
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        EventRecorder recorder = await _recorder.Task.Soon();
        await host.StopAsync();
        await recorder.Closed;
        await Tcp.AssertClosedAsync(client);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "H4")]
    public async Task A_handler_that_ignores_everything_holds_nobody_up(bool reading)
    {
        var never = new TaskCompletionSource();
        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await TestHost.StartAsync(
            server => server.Listen("test", 0, listen => listen.UseSocketHandler(async connection =>
            {
                if (reading)
                {
                    connection.AsStream();
                }

                running.SetResult();
                await never.Task;
            })),
            services => services.Configure<SocketServerOptions>(options => options.ShutdownTimeout = TimeSpan.Zero));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await running.Task.Soon();
        await host.StopAsync();
        await Tcp.AssertClosedAsync(client);
        never.SetResult();
    }

    [Fact]
    [Trait("Row", "H4")]
    public async Task A_goodbye_arrives()
    {
        await using TestHost host = await StartAsync(
            connection =>
            {
                Record(connection);
                connection.Stopping += () => connection.End("goodbye");
            },
            timeout: Timeout.InfiniteTimeSpan);
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await _recorder.Task.Soon();
        Task stop = host.StopAsync();
        Assert.Equal("goodbye", await client.ReceiveTextToEndAsync());
        client.Dispose();
        await stop.Soon();
    }

    [Fact]
    [Trait("Row", "H4")]
    [Trait("Row", "L7")]
    public async Task Connections_of_a_server_that_was_closed_earlier_are_told_too()
    {
        await using TestHost host = await StartAsync(Record, timeout: Timeout.InfiniteTimeSpan);
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        EventRecorder recorder = await _recorder.Task.Soon();
        await host.Server("test").CloseAsync();
        Task stop = host.StopAsync();
        await recorder.Stopping;
        client.Dispose();
        await recorder.Closed;
        await stop.Soon();
    }

    [Theory]
    [InlineData("serve", "INT")]
    [InlineData("serve", "TERM")]
    [InlineData("web", "INT")]
    [InlineData("web", "TERM")]
    [Trait("Row", "H4")]
    [Trait("Row", "L10")]
    public async Task A_signal_ends_the_process_in_time_with_idle_clients(string command, string signal)
    {
        using ChildProcess child = ChildProcess.StartWith(new() { ["ASPNETCORE_URLS"] = "http://127.0.0.1:0" }, command, "127.0.0.1:0");
        string address = await child.ReadLineAsync();
        if (command == "web")
        {
            address = await child.ReadLineAsync();
        }

        using RawClient first = await RawClient.ConnectAsync(address);
        using RawClient second = await RawClient.ConnectAsync(address);
        foreach (RawClient client in new[] { first, second })
        {
            await client.SendAsync("child");
            Assert.Equal("child", await client.ReceiveTextAsync(5));
        }

        long start = TimeProvider.System.GetTimestamp();
        await child.SignalAsync(signal);
        Assert.Equal((0, ""), await child.WaitForExitAsync());

        // The shutdown time-out is a second. The rest is for the end of a process on a machine that has more to do.
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(-60_000)]
    [Trait("Row", "H4")]
    [Trait("Row", "H5")]
    public async Task A_negative_shutdown_timeout_fails_the_start(int milliseconds)
    {
        var timeout = TimeSpan.FromMilliseconds(milliseconds);
        if (timeout == Timeout.InfiniteTimeSpan)
        {
            await using TestHost host = await StartAsync(Record, timeout: timeout);
            return;
        }

        Exception exception = await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(Record, timeout: timeout));
        Assert.Contains("ShutdownTimeout", exception.Message, StringComparison.Ordinal);
        Assert.Contains("-00:01:00", exception.Message, StringComparison.Ordinal);
    }

    private void Record(ISocketConnection connection) => _recorder.TrySetResult(new EventRecorder(connection));

    private static Task<TestHost> StartAsync(Action<ISocketConnection> handler, Action<IServiceCollection>? services = null, TimeSpan? timeout = null) => TestHost.StartAsync(
        server =>
        {
            server.ShutdownTimeout = timeout ?? server.ShutdownTimeout;
            server.Listen("test", 0, listen => listen.UseSocketHandler(handler));
        },
        services);

    private sealed class SlowService : IHostedService
    {
        public TaskCompletionSource Stopping { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Stopped { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            Stopping.SetResult();
            return Stopped.Task;
        }
    }
}
