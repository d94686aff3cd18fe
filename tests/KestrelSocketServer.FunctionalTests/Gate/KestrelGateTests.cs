using System.Net;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Gate;

public sealed class KestrelGateTests
{
    [Fact]
    [Trait("Row", "G1")]
    [Trait("Row", "G2")]
    [Trait("Row", "H6")]
    public async Task On_the_own_Kestrel_of_the_application_connections_are_limited_too()
    {
        await using TestHost host = await StartAsync(limits =>
        {
            limits.MaxConcurrentConnections = 3;
            limits.MaxConnectionsPerAddress = 2;
        });
        IPEndPoint endPoint = EndPointOf(host);
        using RawClient first = await GateServer.ServeAsync(endPoint);
        using RawClient second = await GateServer.ServeAsync(endPoint);
        await GateServer.AssertRefusedAsync(endPoint);
        using RawClient third = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.3");

        first.Dispose();
        using RawClient fourth = await GateServer.ServeSoonAsync(endPoint, "127.0.0.3");
    }

    [Fact]
    [Trait("Row", "G1")]
    public async Task There_the_goodbye_goes_through_the_pipeline_and_nobody_waits()
    {
        await using TestHost host = await StartAsync(limits =>
        {
            limits.MaxConcurrentConnections = 1;
            limits.WhenFull = SocketWhenFull.Wait;
            limits.RefusalMessage = "full";
        });
        using RawClient first = await GateServer.ServeAsync(EndPointOf(host));
        using RawClient second = await GateServer.ConnectAsync(EndPointOf(host));
        Assert.Equal("full", await second.ReceiveTextToEndAsync());
    }

    [Fact]
    [Trait("Row", "G3")]
    [Trait("Row", "G6")]
    public async Task Rates_and_dry_runs_work_there_too()
    {
        await using TestHost host = await StartAsync(limits => limits.ConnectionsPerSecondPerAddress = 0.001);
        using RawClient first = await GateServer.ServeAsync(EndPointOf(host));
        await GateServer.AssertRefusedAsync(EndPointOf(host));

        await using TestHost dry = await StartAsync(limits => (limits.ConnectionsPerSecondPerAddress, limits.DryRun) = (0.001, true));
        using RawClient second = await GateServer.ServeAsync(EndPointOf(dry));
        using RawClient third = await GateServer.ServeAsync(EndPointOf(dry));
    }

    [Fact]
    [Trait("Row", "H5")]
    public async Task What_is_for_endpoints_of_ours_only_says_so()
    {
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(() => TestHost.StartWebAsync(
            build: builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseAccess(deny: ["10.0.0.0/8"])))));
        Assert.Contains("UseAccess works for the endpoints of UseSocketServer only", exception.Message, StringComparison.Ordinal);
    }

    private static Task<TestHost> StartAsync(Action<SocketConnectionOptions> limits) => TestHost.StartWebAsync(
        build: builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback, 0, listen => listen.UseSocketHandler(connection => connection.Pipe(connection), limits))));

    private static IPEndPoint EndPointOf(TestHost host) => IPEndPoint.Parse(new Uri(host.Web.Urls.Single()).Authority);
}
