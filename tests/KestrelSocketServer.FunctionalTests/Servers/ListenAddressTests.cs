using System.Net;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class ListenAddressTests
{
    [Theory]
    [InlineData("0", "127.0.0.1")]
    [InlineData("127.0.0.1:0", "127.0.0.1")]
    [InlineData("tcp://127.0.0.1:0", "127.0.0.1")]
    [InlineData("[::1]:0", "[::1]")]
    [Trait("Row", "A2")]
    [Trait("Row", "L6")]
    public async Task A_free_port_is_taken_for_0_and_the_address_tells_it(string address, string host)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), address: address);
        Assert.Equal($"{host}:{Tcp.PortOf(server.Server)}", server.Server.Address);
        Assert.NotEqual(0, Tcp.PortOf(server.Server));
        using RawClient client = await RawClient.ConnectAsync(server.Server.Address!);
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    [Fact]
    [Trait("Row", "A5")]
    public async Task All_IPv4_interfaces()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(Greet, address: "0.0.0.0:0");
        Assert.Equal($"0.0.0.0:{Tcp.PortOf(server.Server)}", server.Server.Address);
        foreach (string host in new[] { "127.0.0.1", "127.1.2.3" })
        {
            using RawClient client = await RawClient.ConnectAsync($"{host}:{Tcp.PortOf(server.Server)}");
            Assert.Equal($"{client.LocalAddress} to {client.RemoteAddress}", await client.ReceiveTextToEndAsync());
        }
    }

    [Fact]
    [Trait("Row", "A5")]
    [Trait("Row", "A14")]
    [Trait("Row", "A16")]
    public async Task All_interfaces_of_both_families()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(Greet, address: "[::]:0");
        Assert.Equal($"[::]:{Tcp.PortOf(server.Server)}", server.Server.Address);
        foreach (string host in new[] { "127.0.0.1", "[::1]" })
        {
            using RawClient client = await RawClient.ConnectAsync($"{host}:{Tcp.PortOf(server.Server)}");
            Assert.Equal($"{client.LocalAddress} to {client.RemoteAddress}", await client.ReceiveTextToEndAsync());
        }
    }

    [Fact]
    [Trait("Row", "A5")]
    [Trait("Row", "A14")]
    public async Task All_IPv6_interfaces_without_IPv4()
    {
        using var port = new ReservedPort();
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => listen.UseIPv6Only().UseSocketHandler(Greet), address: $"[::]:{port.Port}");
        await Tcp.AssertRefusedAsync(port.EndPoint);
        using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.IPv6Loopback, port.Port));
        Assert.Equal($"{client.LocalAddress} to {client.RemoteAddress}", await client.ReceiveTextToEndAsync());
    }

    private static void Greet(ISocketConnection connection) => connection.End($"{connection.RemoteAddress} to {connection.LocalAddress}");
}
