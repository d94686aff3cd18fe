using System.Net;
using System.Threading.Channels;
using KestrelSocketServer.FunctionalTests.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Gate;

public sealed class RefusalReportTests
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G7")]
    public async Task Each_reason_is_told_at_once_and_then_once_in_ten_seconds_with_the_number(SocketTransportDriver driver)
    {
        var clock = new FakeTimeProvider();
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver, limits => limits.MaxConcurrentConnections = 1, listen => listen.UseAccess(deny: ["127.0.0.2"]), timeProvider: clock);
        Channel<SocketServerError> refused = Refused(server.Server);
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await GateServer.ServeAsync(endPoint);

        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.3");
        Assert.Equal(
            "Clients were refused by MaxConcurrentConnections: 1 since this was last told, the last one from 127.0.0.3.",
            (await refused.Reader.ReadAsync().Soon()).Exception.Message);
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        Assert.Equal(
            "Clients were refused by Deny: 1 since this was last told, the last one from 127.0.0.2.",
            (await refused.Reader.ReadAsync().Soon()).Exception.Message);

        for (int i = 4; i < 9; i++)
        {
            await GateServer.AssertRefusedAsync(endPoint, $"127.0.0.{i}");
        }

        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(refused.Reader.TryRead(out _));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(
            "Clients were refused by MaxConcurrentConnections: 5 since this was last told, the last one from 127.0.0.8.",
            (await refused.Reader.ReadAsync().Soon()).Exception.Message);

        // Nothing for ten seconds: then the next one is told at once again.
        clock.Advance(TimeSpan.FromSeconds(10));
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.9");
        Assert.Contains("1 since this was last told, the last one from 127.0.0.9", (await refused.Reader.ReadAsync().Soon()).Exception.Message, StringComparison.Ordinal);
        string[] lines = [.. server.Host.Logs.GetSnapshot().Where(log => log.Id.Name == "Refused").Select(log => log.Message)];
        Assert.Equal(4, lines.Length);
        Assert.Contains("Endpoint test refuses clients by MaxConcurrentConnections: 5 since", lines[2], StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G7")]
    public async Task Every_refusal_is_measured_with_its_reason(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver,
            limits =>
            {
                limits.MaxConcurrentConnections = 3;
                limits.MaxConnectionsPerAddress = 2;
                limits.ConnectionsPerSecondPerAddress = 0.001;
                limits.ConnectionsPerSecondPerAddressBurst = 3;
            },
            listen => listen.UseAccess(allow: ["127.0.0.0/24"], deny: ["127.0.0.9"]),
            timeProvider: new FakeTimeProvider());
        using MetricCollector<long> rejected = Meters.Collect<long>(server.Host, "socket_server.rejected_connections");
        EndPoint endPoint = server.Server.EndPoint!;
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.9");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.1.1");
        using RawClient first = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        RawClient second = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        second.Dispose();
        RawClient third = await GateServer.ServeSoonAsync(endPoint, "127.0.0.2");
        third.Dispose();
        using RawClient other = await GateServer.ServeSoonAsync(endPoint, "127.0.0.3");

        string[] reasons = [.. rejected.GetMeasurementSnapshot().Select(measurement => (string)measurement.Tags["socket_server.rejection_reason"]!)];
        Assert.Equal(["denied", "not_allowed", "connections_per_address"], reasons[..3]);
        Assert.All(reasons[3..], reason => Assert.Equal("connections_per_address", reason));
        CollectedMeasurement<long> measurement = rejected.GetMeasurementSnapshot()[0];
        Assert.Equal(1, measurement.Value);
        Assert.Equal(
            new Dictionary<string, object?>
            {
                ["socket_server.endpoint"] = "test",
                ["network.transport"] = "tcp",
                ["server.address"] = "127.0.0.1",
                ["server.port"] = ((IPEndPoint)endPoint).Port,
                ["socket_server.rejection_reason"] = "denied",
            },
            Meters.TagsOf(measurement));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G6")]
    public async Task In_a_dry_run_nobody_is_refused_and_it_is_counted_who_would_be(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver,
            limits =>
            {
                limits.MaxConcurrentConnections = 1;
                limits.WhenFull = SocketWhenFull.Wait;
                limits.DryRun = true;
            },
            listen => listen.UseAccess(deny: ["127.0.0.9"]));
        using MetricCollector<long> rejected = Meters.Collect<long>(server.Host, "socket_server.rejected_connections");
        Channel<SocketServerError> refused = Refused(server.Server);
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await GateServer.ServeAsync(endPoint);
        using RawClient second = await GateServer.ServeAsync(endPoint);
        using RawClient third = await GateServer.ServeAsync(endPoint, "127.0.0.9");

        Assert.Equal(
            ["connections", "denied"],
            rejected.GetMeasurementSnapshot().Select(measurement => measurement.Tags["socket_server.rejection_reason"]));
        Assert.All(rejected.GetMeasurementSnapshot(), measurement => Assert.Equal(true, measurement.Tags["socket_server.dry_run"]));
        await LoggedAsync(server, "WouldRefuse", 2);
        Assert.DoesNotContain(server.Host.Logs.GetSnapshot(), log => log.Id.Name == "Refused");
        Assert.False(refused.Reader.TryRead(out _));
    }

    private static Channel<SocketServerError> Refused(ISocketServer server)
    {
        var errors = Channel.CreateUnbounded<SocketServerError>();
        server.Error += error =>
        {
            if (error.Stage == SocketServerErrorStage.Refused)
            {
                errors.Writer.TryWrite(error);
            }
        };
        return errors;
    }

    // Logging is the thread pool's work, and nobody tells when it is done.
    private static async Task LoggedAsync(SocketServerFixture server, string name, int count)
    {
        using var timeout = new CancellationTokenSource(Timeouts.Generous);
        while (server.Host.Logs.GetSnapshot().Count(log => log.Id.Name == name) < count)
        {
            timeout.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
