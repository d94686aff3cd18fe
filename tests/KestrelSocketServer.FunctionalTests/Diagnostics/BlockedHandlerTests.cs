using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

/// <summary>Only event loops can be held up, and so only they tell.</summary>
[Trait("Row", "D2")]
[Trait("Row", "D3")]
public sealed class BlockedHandlerTests
{
    public static TheoryData<string, Action<ListenOptions>, string> Handlers => new()
    {
        { "class", static listen => listen.UseSocketHandler<BlockingHandler>(), "^KestrelSocketServer.FunctionalTests.Diagnostics.BlockedHandlerTests[+]BlockingHandler$" },
        { "method", static listen => listen.UseSocketHandler(Block), "^KestrelSocketServer.FunctionalTests.Diagnostics.BlockedHandlerTests.Block$" },
        { "asynchronous method", static listen => listen.UseSocketHandler(BlockAsync), "^KestrelSocketServer.FunctionalTests.Diagnostics.BlockedHandlerTests.BlockAsync$" },
        { "lambda", static listen => listen.UseSocketHandler(connection => connection.Data += _ => WaitForEnd(connection)), "^KestrelSocketServer.FunctionalTests.Diagnostics.BlockedHandlerTests[+].*Handlers.*$" },
    };

    [Theory]
    [MemberData(nameof(Handlers))]
    public async Task A_handler_that_holds_its_loop_is_named(string kind, Action<ListenOptions> configure, string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        _ = kind;
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(configure, setup: HostSetup.On(SocketTransportDriver.EventLoop));
        using MetricCollector<long> blocked = Meters.Collect<long>(server.Host, "socket_server.blocked_handlers");
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("x");
        await blocked.WaitForMeasurementsAsync(1).Soon();

        // It goes on when the client leaves.
        client.Dispose();
        CollectedMeasurement<long> measurement = blocked.GetMeasurementSnapshot()[0];
        Assert.Equal(1, measurement.Value);
        Assert.Equal("test", measurement.Tags["socket_server.endpoint"]);
        Assert.Matches(name, (string)measurement.Tags["socket_server.handler"]!);
        FakeLogRecord line = server.Host.Logs.GetSnapshot().First(record => record.Id.Name == "HandlerBlocked");
        Assert.Matches(name, line.GetStructuredStateValue("Handler")!);
    }

    private static void Block(ISocketConnection connection) => connection.Data += _ => WaitForEnd(connection);

    // The peer leaves when it has seen that this was noticed.
    private static void WaitForEnd(ISocketConnection connection)
    {
        using var gone = new ManualResetEventSlim();
        using CancellationTokenRegistration registration = connection.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(gone.Set);
        Assert.True(gone.Wait(Timeouts.Generous));
    }

    private static Task BlockAsync(ISocketConnection connection)
    {
        Block(connection);
        return Task.CompletedTask;
    }

    internal sealed class BlockingHandler : SocketConnectionHandler
    {
        protected override void OnConnection(ISocketConnection connection) => Block(connection);
    }
}
