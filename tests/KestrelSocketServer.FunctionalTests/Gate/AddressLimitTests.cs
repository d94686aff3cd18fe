using System.Net;

namespace KestrelSocketServer.FunctionalTests.Gate;

[Trait("Row", "G2")]
public sealed class AddressLimitTests
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task An_address_has_so_many_and_others_have_theirs(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(driver, limits => limits.MaxConnectionsPerAddress = 2);
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        using RawClient second = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        using RawClient other = await GateServer.ServeAsync(endPoint, "127.0.0.3");

        first.Dispose();
        using RawClient third = await GateServer.ServeSoonAsync(endPoint, "127.0.0.2");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        await GateServer.AssertServedAsync(second);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task On_a_socket_of_both_families_an_ipv4_client_counts_as_one(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(driver, limits => limits.MaxConnectionsPerAddress = 1, address: "[::]:0");
        int port = ((IPEndPoint)server.Server.EndPoint!).Port;
        var ipv4 = new IPEndPoint(IPAddress.Loopback, port);
        using RawClient first = await GateServer.ServeAsync(ipv4, "127.0.0.2");
        using RawClient second = await GateServer.ServeAsync(ipv4, "127.0.0.3");
        await GateServer.AssertRefusedAsync(ipv4, "127.0.0.2");

        var ipv6 = new IPEndPoint(IPAddress.IPv6Loopback, port);
        using RawClient third = await GateServer.ServeAsync(ipv6);
        await GateServer.AssertRefusedAsync(ipv6);
    }
}
