using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Connections;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

[Trait("Row", "D2")]
public sealed class ConnectionMetricsTests
{
    private const string Active = "socket_server.active_connections";
    private const string Duration = "socket_server.connection.duration";

    [Fact]
    public async Task Active_connections_are_counted()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(TestTransport.Plain);
        using MetricCollector<long> active = Meters.Collect<long>(pair.Server.Host, Active);
        using RawClient client = await pair.Server.ConnectAsync();
        await active.WaitForMeasurementsAsync(1).Soon();

        client.Dispose();

        await active.WaitForMeasurementsAsync(2).Soon();
        IReadOnlyList<CollectedMeasurement<long>> measurements = active.GetMeasurementSnapshot();
        Assert.Equal([1, -1], measurements.Select(measurement => measurement.Value));
        Assert.All(measurements, measurement => Assert.Equal(
            new Dictionary<string, object?>
            {
                ["socket_server.endpoint"] = "test",
                ["network.transport"] = "tcp",
                ["server.address"] = "127.0.0.1",
                ["server.port"] = Tcp.PortOf(pair.Server.Server),
            },
            Meters.TagsOf(measurement)));

        // The first connection was there before anybody counted, and is not counted out.
        pair.Connection.Close();
        await pair.Events.Closed;
        Assert.Equal(2, active.GetMeasurementSnapshot().Count);
    }

    [Fact]
    public async Task The_duration_of_a_connection_is_measured()
    {
        var time = new FakeTimeProvider();
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection => recorded.SetResult(new EventRecorder(connection)),
            setup: new HostSetup { Services = services => services.AddSingleton<TimeProvider>(time) });
        using MetricCollector<double> duration = Meters.Collect<double>(server.Host, Duration);
        using RawClient client = await server.ConnectAsync();
        EventRecorder events = await recorded.Task.Soon();
        time.Advance(TimeSpan.FromSeconds(90));

        await client.ShutdownSendAsync();

        await events.Closed;
        CollectedMeasurement<double> measurement = Assert.Single(duration.GetMeasurementSnapshot());
        Assert.Equal(90, measurement.Value);
        Assert.Equal(
            new Dictionary<string, object?>
            {
                ["socket_server.endpoint"] = "test",
                ["network.transport"] = "tcp",
                ["server.address"] = "127.0.0.1",
                ["server.port"] = Tcp.PortOf(server.Server),
                ["socket_server.close_reason"] = "peer_ended",
            },
            Meters.TagsOf(measurement));
        Assert.Equal("s", duration.Instrument!.Unit);
    }

    [Fact]
    public async Task A_fault_is_told_by_its_type()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            TestTransport.Plain, (connection, _) => connection.Data += _ => throw new InvalidTimeZoneException());
        using MetricCollector<double> duration = Meters.Collect<double>(pair.Server.Host, Duration);
        using RawClient client = await pair.Server.ConnectAsync();

        await client.SendAsync("x");

        await AssertClosedAsync(duration, "handler_fault", "System.InvalidTimeZoneException");
    }

    [Theory]
    [InlineData("local_end")]
    [InlineData("local_close")]
    [InlineData("peer_reset", "Microsoft.AspNetCore.Connections.ConnectionResetException")]
    [InlineData("write_limit", "System.IO.IOException")]
    [InlineData("idle", "System.TimeoutException")]
    [InlineData("shutdown")]
    public async Task Every_reason_has_a_name(string reason, string? error = null)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
            },
            options: options =>
            {
                options.WriteBufferHardLimit = 100_000;
                options.IdleTimeout = reason == "idle" ? TimeSpan.FromMilliseconds(1) : null;
            },
            setup: new HostSetup { Server = options => options.ShutdownTimeout = TimeSpan.Zero });
        using MetricCollector<double> duration = Meters.Collect<double>(server.Host, Duration);
        using RawClient client = await server.ConnectAsync();
        ISocketConnection connection = await server.AcceptedAsync();

        switch (reason)
        {
            case "local_end":
                connection.End();
                break;
            case "local_close":
                connection.Close();
                break;
            case "peer_reset":
                client.Reset();
                break;
            case "write_limit":
                connection.Write(new byte[100_001]);
                break;
            case "shutdown":
                await server.Host.StopAsync();
                break;
        }

        await AssertClosedAsync(duration, reason, error);
    }

    [Fact]
    public async Task A_unix_socket_has_a_path_for_an_address()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.sock");
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.End(), address: $"unix://{path}");
        using MetricCollector<double> duration = Meters.Collect<double>(server.Host, Duration);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path)).Soon();

        await duration.WaitForMeasurementsAsync(1).Soon();
        Assert.Equal(
            new Dictionary<string, object?> { ["socket_server.endpoint"] = "test", ["network.transport"] = "unix", ["server.address"] = path },
            Meters.TagsOf(duration.LastMeasurement!, "socket_server.close_reason"));
    }

    [Fact]
    public async Task On_the_own_Kestrel_of_the_application_there_is_no_endpoint()
    {
        await using TestHost host = await HandlerPlace.OwnKestrel.StartAsync(connection =>
        {
            connection.End();
            return Task.CompletedTask;
        });
        using MetricCollector<double> duration = Meters.Collect<double>(host, Duration);
        using RawClient client = await HandlerPlace.OwnKestrel.ConnectAsync(host);

        await duration.WaitForMeasurementsAsync(1).Soon();

        Assert.Equal(
            new Dictionary<string, object?> { ["network.transport"] = "tcp", ["server.address"] = "127.0.0.1", ["socket_server.close_reason"] = "local_end" },
            Meters.TagsOf(duration.LastMeasurement!, "server.port"));
    }

    [Fact]
    public async Task Handlers_of_Kestrels_own_kind_are_measured()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => listen.UseSocketHandler<FailingHandler>());
        using MetricCollector<long> active = Meters.Collect<long>(server.Host, Active);
        using MetricCollector<double> duration = Meters.Collect<double>(server.Host, Duration);

        using RawClient client = await server.ConnectAsync();

        await AssertClosedAsync(duration, "handler_fault", "System.InvalidTimeZoneException");
        Assert.Equal([1, -1], active.GetMeasurementSnapshot().Select(measurement => measurement.Value));
    }

    private static async Task AssertClosedAsync(MetricCollector<double> duration, string reason, string? error)
    {
        await duration.WaitForMeasurementsAsync(1).Soon();
        IReadOnlyDictionary<string, object?> tags = duration.LastMeasurement!.Tags;
        Assert.Equal(reason, tags["socket_server.close_reason"]);
        Assert.Equal(error, tags.GetValueOrDefault("error.type"));
        Assert.Equal(error is not null, tags.ContainsKey("error.type"));
    }

    internal sealed class FailingHandler : ConnectionHandler
    {
        public override Task OnConnectedAsync(ConnectionContext connection) => throw new InvalidTimeZoneException();
    }
}
