using System.Net;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

/// <summary>Lists and limits by address look at the clients of a proxy, and not at the proxy.</summary>
[Trait("Row", "G18")]
public sealed class ProxyGateTests
{
    private static readonly IPEndPoint Destination = IPEndPoint.Parse("198.51.100.1:443");

    [Theory]
    [InlineData("192.0.2.7")]
    [InlineData("127.0.0.1")]
    [InlineData("2001:db8::7")]
    [Trait("Row", "G2")]
    public async Task Connections_count_for_the_address_of_the_client(string address)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync(static listen => listen
            .UseProxyProtocol("127.0.0.1").UseLimits(static limits => limits.MaxConnectionsPerAddress = 1));
        using RawClient first = await ComeFromAsync(server, address, 1001);
        await AssertServedAsync(first);

        using RawClient second = await ComeFromAsync(server, address, 1002);
        await Servers.Tcp.AssertClosedAsync(second);
        Assert.Equal(SocketServerErrorStage.Refused, (await server.ErrorAsync()).Stage);

        using RawClient other = await ComeFromAsync(server, "203.0.113.9", 1003);
        await AssertServedAsync(other);
    }

    [Theory]
    [InlineData("192.0.2.7", false)]
    [InlineData("203.0.113.9", true)]
    [Trait("Row", "G5")]
    public async Task Lists_hold_for_the_address_of_the_client(string address, bool isServed)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync(static listen => listen
            .UseProxyProtocol("127.0.0.1").UseAccess(allow: ["203.0.113.0/24"], deny: ["127.0.0.0/8"]));
        using RawClient client = await ComeFromAsync(server, address, 1001);

        await (isServed ? AssertServedAsync(client) : Servers.Tcp.AssertClosedAsync(client));
    }

    [Fact]
    public async Task A_health_check_of_the_proxy_counts_for_no_address()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync(static listen => listen
            .UseProxyProtocol("127.0.0.1").UseLimits(static limits => limits.MaxConnectionsPerAddress = 1).UseAccess(allow: null, deny: ["127.0.0.0/8"]));
        for (int check = 0; check < 3; check++)
        {
            RawClient client = await server.ConnectAsync();
            await client.SendAsync(ProxyHeaders.Binary(ProxyHeaders.Local, ProxyHeaders.Unspecified, []));
            await AssertServedAsync(client);
        }
    }

    private static async Task<RawClient> ComeFromAsync(ProxiedServer server, string address, int port)
    {
        RawClient client = await server.ConnectAsync();
        var source = new IPEndPoint(IPAddress.Parse(address), port);
        var destination = source.AddressFamily == Destination.AddressFamily ? Destination : IPEndPoint.Parse("[2001:db8::1]:443");
        await client.SendAsync(ProxyHeaders.Binary(source, destination));
        return client;
    }

    private static async Task AssertServedAsync(RawClient client)
    {
        await client.SendAsync("hello");
        Assert.Equal("hello", await client.ReceiveTextAsync(5));
    }
}
