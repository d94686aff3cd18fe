using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace KestrelSocketServer.FunctionalTests.Gate;

[Trait("Row", "G4")]
public sealed class HandshakeLimitTests
{
    public static TheoryData<SocketTransportDriver, bool> DriversAndKinds => TestDrivers.With(false, true);

    [Theory]
    [MemberData(nameof(DriversAndKinds))]
    public async Task A_further_handshake_has_its_turn_when_another_one_is_over(SocketTransportDriver driver, bool isKestrels)
    {
        await using SocketServerFixture server = await StartAsync(driver, isKestrels, limit: 1);
        using StalledHandshake stalled = await StalledHandshake.BeginAsync(server);
        Task<RawClient> second = server.ConnectAsync();
        Task<RawClient> third = server.ConnectAsync();
        Assert.False(second.IsCompleted || third.IsCompleted);

        stalled.Dispose();
        using RawClient client = await second.Soon();
        await GateServer.AssertServedAsync(client);
        using RawClient other = await third.Soon();
        await GateServer.AssertServedAsync(other);
    }

    [Theory]
    [MemberData(nameof(DriversAndKinds))]
    public async Task A_client_that_says_nothing_takes_no_turn(SocketTransportDriver driver, bool isKestrels)
    {
        await using SocketServerFixture server = await StartAsync(driver, isKestrels, limit: 1);
        using RawClient silent = await RawClient.ConnectAsync(server.Server.EndPoint!);
        using RawClient client = await server.ConnectAsync();
        await GateServer.AssertServedAsync(client);
    }

    [Theory]
    [MemberData(nameof(DriversAndKinds))]
    public async Task A_connection_keeps_no_turn_once_its_handshake_is_over(SocketTransportDriver driver, bool isKestrels)
    {
        await using SocketServerFixture server = await StartAsync(driver, isKestrels, limit: 1);
        for (int i = 0; i < 3; i++)
        {
            // One that fails, and one that goes on.
            using RawClient noTls = await RawClient.ConnectAsync(server.Server.EndPoint!);
            await noTls.SendAsync("This is no TLS at all.\n");
            await EndAsync(noTls);
            using RawClient client = await server.ConnectAsync();
            await GateServer.AssertServedAsync(client);
        }
    }

    [Theory]
    [MemberData(nameof(DriversAndKinds))]
    [Trait("Row", "G7")]
    public async Task Whoever_has_no_turn_in_time_is_closed_counted_and_told(SocketTransportDriver driver, bool isKestrels)
    {
        await using SocketServerFixture server = await StartAsync(driver, isKestrels, limit: 1);
        using MetricCollector<long> rejected = Meters.Collect<long>(server.Host, "socket_server.rejected_connections");
        var refused = new TaskCompletionSource<SocketServerError>(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Server.Error += error =>
        {
            if (error.Stage == SocketServerErrorStage.Refused)
            {
                refused.TrySetResult(error);
            }
        };
        using StalledHandshake stalled = await StalledHandshake.BeginAsync(server);

        // The same endpoint, with less time for those that come from now on.
        await server.Server.CloseAsync();
        await server.Host.Servers.ListenAsync(SocketServerFixture.Name, "127.0.0.1:0", listen =>
        {
            new TimedTls(isKestrels, TimeSpan.FromMilliseconds(500)).Configure(listen);
            listen.UseSocketHandler(_ => { }, limits => limits.MaxConcurrentHandshakes = 1);
        });
        await Assert.ThrowsAnyAsync<Exception>(() => server.ConnectAsync());

        Assert.Contains("MaxConcurrentHandshakes", (await refused.Task.Soon()).Exception.Message, StringComparison.Ordinal);
        Assert.Contains(server.Errors, error => error.Stage == SocketServerErrorStage.Handshake && error.Exception.Message.Contains("its turn", StringComparison.Ordinal));
        CollectedMeasurement<long> measurement = Assert.Single(rejected.GetMeasurementSnapshot());
        Assert.Equal("handshakes", measurement.Tags["socket_server.rejection_reason"]);
    }

    private static Task<SocketServerFixture> StartAsync(SocketTransportDriver driver, bool isKestrels, int limit)
        => SocketServerFixture.StartAsync(
            connection => connection.Pipe(connection),
            new TimedTls(isKestrels, Timeouts.Generous),
            limits => limits.MaxConcurrentHandshakes = limit,
            setup: HostSetup.On(driver));

    // An alert may come before the end.
    private static async Task EndAsync(RawClient client)
    {
        try
        {
            await client.ReceiveToEndAsync();
        }
        catch (IOException)
        {
            // Reset.
        }
    }

    private sealed class TimedTls(bool isKestrels, TimeSpan timeout) : TestTransport
    {
        public override bool IsTls => true;

        public override void Configure(ListenOptions listen)
        {
            if (isKestrels)
            {
                listen.UseHttps(https =>
                {
                    https.ServerCertificate = TestCertificate.Instance;
                    https.HandshakeTimeout = timeout;
                });
            }
            else
            {
                listen.UseHttps(TlsCertificate.From(TestCertificate.Instance), tls => tls.HandshakeTimeout = timeout);
            }
        }

        public override Task<Stream> ConnectAsync(Socket socket) => Tls.ConnectAsync(socket);

        public override Task ShutdownSendAsync(Socket socket, Stream stream) => Tls.ShutdownSendAsync(socket, stream);
    }
}
