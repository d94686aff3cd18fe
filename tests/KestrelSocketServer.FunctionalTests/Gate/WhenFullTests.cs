using System.Net;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Gate;

[Trait("Row", "G1")]
public sealed class WhenFullTests
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Clients_wait_in_the_systems_queue_until_one_leaves(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await StartAsync(driver, max: 1);
        using RawClient first = await GateServer.ServeAsync(server.Server.EndPoint!);
        using RawClient second = await server.ConnectAsync();
        using RawClient third = await server.ConnectAsync();
        await second.SendAsync("2");
        await third.SendAsync("3");
        await GateServer.AssertServedAsync(first);
        Assert.Single(server.Server.Connections);
        Assert.Equal("2", await QueueAsync(server.Server));

        first.Dispose();
        Assert.Equal("2", await second.ReceiveTextAsync(1));
        Assert.Single(server.Server.Connections);
        second.Dispose();
        Assert.Equal("3", await third.ReceiveTextAsync(1));
        Assert.Empty(server.Errors);
        LogAssert.NoWarnings(server.Host.Logs);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Not_more_than_the_limit_are_ever_open_and_all_are_served(SocketTransportDriver driver)
    {
        int open = 0;
        int most = 0;
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
                InterlockedMax(ref most, Interlocked.Increment(ref open));
                connection.Closed += () => Interlocked.Decrement(ref open);
                connection.Pipe(connection);
            },
            options: limits =>
            {
                limits.MaxConcurrentConnections = 5;
                limits.WhenFull = SocketWhenFull.Wait;
            },
            setup: new HostSetup
            {
                Server = options => (options.Transport.Driver, options.Transport.EventLoopCount) = (driver, driver == SocketTransportDriver.EventLoop ? 4 : null),
                Listen = listen => listen.UseAcceptorPerLoop(),
            });
        await Task.WhenAll(Enumerable.Range(0, 60).Select(async _ =>
        {
            using RawClient client = await GateServer.ServeAsync(server.Server.EndPoint!);
        })).Soon();
        Assert.InRange(most, 1, 5);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_pause_and_a_full_endpoint_each_hold_accepting_on_their_own(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await StartAsync(driver, max: 1);
        RawClient first = await GateServer.ServeAsync(server.Server.EndPoint!);
        using RawClient second = await server.ConnectAsync();
        await second.SendAsync("2");

        // Full, and paused: neither the end of the one nor of the other alone lets the second in.
        server.Server.PauseAccepting();
        ISocketConnection connection = Assert.Single(server.Server.Connections);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Closed += closed.SetResult;
        first.Dispose();
        await closed.Task.Soon();
        Assert.Equal("1", await QueueAsync(server.Server));
        server.Server.ResumeAccepting();
        Assert.Equal("2", await second.ReceiveTextAsync(1));

        server.Server.PauseAccepting();
        server.Server.ResumeAccepting();
        using RawClient third = await server.ConnectAsync();
        await third.SendAsync("3");
        await GateServer.AssertServedAsync(second);
        Assert.Equal("1", await QueueAsync(server.Server));
        second.Dispose();
        Assert.Equal("3", await third.ReceiveTextAsync(1));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Closing_a_full_endpoint_refuses_those_that_wait_and_frees_its_port(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await StartAsync(driver, max: 1);
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await GateServer.ServeAsync(endPoint);
        using RawClient second = await server.ConnectAsync();

        await server.Server.CloseAsync();
        await Tcp.AssertClosedAsync(second);
        await Tcp.AssertRefusedAsync(endPoint);
        await GateServer.AssertServedAsync(first);
    }

    private static Task<SocketServerFixture> StartAsync(SocketTransportDriver driver, int max) => GateServer.StartAsync(driver, limits =>
    {
        limits.MaxConcurrentConnections = max;
        limits.WhenFull = SocketWhenFull.Wait;
    });

    private static async Task<string> QueueAsync(ISocketServer server)
        => Assert.Single(await Tcp.ListAsync("-ltn", Tcp.PortOf(server))).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }
}
