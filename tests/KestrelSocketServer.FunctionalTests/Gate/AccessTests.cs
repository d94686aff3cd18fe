using System.Net;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Gate;

[Trait("Row", "G5")]
public sealed class AccessTests
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Only_the_allowed_come_in_and_none_that_is_denied(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver, _ => { }, listen => listen.UseAccess(allow: ["127.0.1.0/24", "127.0.0.2", "::1"], deny: ["127.0.1.128/25"]));
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient allowed = await GateServer.ServeAsync(endPoint, "127.0.1.1");
        using RawClient single = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        await GateServer.AssertRefusedAsync(endPoint);
        await GateServer.AssertRefusedAsync(endPoint, "127.0.1.200");
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task They_are_looked_at_before_the_limits(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver,
            limits =>
            {
                limits.MaxConcurrentConnections = 1;
                limits.WhenFull = SocketWhenFull.Wait;
            },
            listen => listen.UseAccess(deny: ["127.0.0.2"]));
        EndPoint endPoint = server.Server.EndPoint!;
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        using RawClient first = await GateServer.ServeAsync(endPoint);
    }

    [Fact]
    [Trait("Row", "H5")]
    public async Task What_is_no_network_stops_the_start()
    {
        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(() => GateServer.StartAsync(
            SocketTransportDriver.Socket, _ => { }, listen => listen.UseAccess(deny: ["10.0.0.1/8"])));
        Assert.Contains("Endpoint 'test': '10.0.0.1/8' has an address with bits beyond its first 8; write 10.0.0.0/8", exception.Message, StringComparison.Ordinal);

        exception = await Assert.ThrowsAsync<ArgumentException>(() => GateServer.StartAsync(
            SocketTransportDriver.Socket, _ => { }, listen => listen.UseAccess(allow: [])));
        Assert.Contains("Endpoint 'test': nobody is allowed; give a network, or null to allow anybody.", exception.Message, StringComparison.Ordinal);
    }
}
