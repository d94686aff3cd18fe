using System.Net;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Gate;

[Trait("Row", "G3")]
public sealed class RateTests
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task So_many_come_at_once_and_then_so_many_in_a_second(SocketTransportDriver driver)
    {
        var clock = new FakeTimeProvider();
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver,
            limits =>
            {
                limits.ConnectionsPerSecond = 2;
                limits.ConnectionsPerSecondBurst = 3;
            },
            timeProvider: clock);
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        using RawClient second = await GateServer.ServeAsync(endPoint, "127.0.0.3");
        using RawClient third = await GateServer.ServeAsync(endPoint, "127.0.0.4");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.5");

        clock.Advance(TimeSpan.FromMilliseconds(500));
        using RawClient fourth = await GateServer.ServeAsync(endPoint, "127.0.0.5");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.5");
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task An_address_has_a_rate_of_its_own_also_when_its_connections_are_gone(SocketTransportDriver driver)
    {
        var clock = new FakeTimeProvider();
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver, limits => limits.ConnectionsPerSecondPerAddress = 0.1, timeProvider: clock);
        EndPoint endPoint = server.Server.EndPoint!;
        (await GateServer.ServeAsync(endPoint, "127.0.0.2")).Dispose();
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        using RawClient other = await GateServer.ServeAsync(endPoint, "127.0.0.3");

        clock.Advance(TimeSpan.FromSeconds(9));
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        clock.Advance(TimeSpan.FromSeconds(1));
        using RawClient again = await GateServer.ServeAsync(endPoint, "127.0.0.2");
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Who_is_refused_takes_nothing_from_the_rates_of_others(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver,
            limits =>
            {
                limits.ConnectionsPerSecond = 0.001;
                limits.ConnectionsPerSecondBurst = 3;
                limits.ConnectionsPerSecondPerAddress = 0.001;
            },
            timeProvider: new FakeTimeProvider());
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        for (int i = 0; i < 10; i++)
        {
            await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        }

        using RawClient second = await GateServer.ServeAsync(endPoint, "127.0.0.3");
        using RawClient third = await GateServer.ServeAsync(endPoint, "127.0.0.4");
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.5");
    }
}
