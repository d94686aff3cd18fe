using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

[Trait("Row", "D2")]
public sealed class HandshakeMetricsTests
{
    public static TheoryData<TestTransport> Transports => [TestTransport.Tls, TestTransport.KestrelTls];

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task The_duration_of_a_handshake_is_measured(TestTransport transport)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => { }, transport);
        using MetricCollector<double> duration = Collect(server);

        using RawClient client = await server.ConnectAsync();

        await duration.WaitForMeasurementsAsync(1).Soon();
        CollectedMeasurement<double> measurement = Assert.Single(duration.GetMeasurementSnapshot());
        Assert.InRange(measurement.Value, double.Epsilon, Timeouts.Generous.TotalSeconds);
        Assert.Equal(
            new Dictionary<string, object?>
            {
                ["socket_server.endpoint"] = "test",
                ["network.transport"] = "tcp",
                ["server.address"] = "127.0.0.1",
                ["server.port"] = Tcp.PortOf(server.Server),
                ["tls.protocol.version"] = "1.3",
            },
            Meters.TagsOf(measurement));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_failed_handshake_is_told_by_its_exception(TestTransport transport)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => { }, transport);
        using MetricCollector<double> duration = Collect(server);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.Server.EndPoint!).Soon();

        await socket.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray()).Soon();

        await duration.WaitForMeasurementsAsync(1).Soon();
        CollectedMeasurement<double> measurement = Assert.Single(duration.GetMeasurementSnapshot());
        Assert.Equal("System.Security.Authentication.AuthenticationException", measurement.Tags["error.type"]);
        Assert.Equal("test", measurement.Tags["socket_server.endpoint"]);
    }

    private static MetricCollector<double> Collect(SocketServerFixture server)
        => Meters.Collect<double>(server.Host, "socket_server.tls_handshake.duration");
}
