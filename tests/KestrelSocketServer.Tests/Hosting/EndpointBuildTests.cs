using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Hosting;

namespace KestrelSocketServer.Tests.Hosting;

public sealed class EndpointBuildTests
{
    [Theory]
    [InlineData("127.0.0.1:80", "127.0.0.1:80", true)]
    [InlineData("127.0.0.1:80", "127.0.0.1:81", false)]
    [InlineData("127.0.0.1:80", "127.0.0.2:80", false)]
    [InlineData("127.0.0.1:80", "0.0.0.0:80", true)]
    [InlineData("0.0.0.0:80", "127.0.0.1:80", true)]
    [InlineData("[::]:80", "127.0.0.1:80", true)]
    [InlineData("[::1]:80", "[::]:80", true)]
    [InlineData("[::1]:80", "127.0.0.1:80", false)]
    [InlineData("[::]:80", "0.0.0.0:81", false)]
    [InlineData("127.0.0.1:0", "127.0.0.1:0", false)]
    [InlineData("0.0.0.0:0", "0.0.0.0:0", false)]
    [Trait("Row", "A13")]
    public void An_address_is_in_the_way_of_the_same_port_on_the_same_address_or_on_all(string wanted, string held, bool expected)
        => Assert.Equal(expected, EndpointBuild.IsInTheWay(IPEndPoint.Parse(wanted), IPEndPoint.Parse(held)));

    [Theory]
    [InlineData("/tmp/a", "/tmp/a", true)]
    [InlineData("/tmp/a", "/tmp/b", false)]
    [Trait("Row", "A13")]
    public void A_path_is_in_the_way_of_itself(string wanted, string held, bool expected)
        => Assert.Equal(expected, EndpointBuild.IsInTheWay(new UnixDomainSocketEndPoint(wanted), new UnixDomainSocketEndPoint(held)));

    [Fact]
    [Trait("Row", "A13")]
    public void A_path_and_a_port_are_not_in_each_others_way()
    {
        Assert.False(EndpointBuild.IsInTheWay(new UnixDomainSocketEndPoint("/tmp/a"), new IPEndPoint(IPAddress.Any, 80)));
        Assert.False(EndpointBuild.IsInTheWay(new IPEndPoint(IPAddress.Any, 80), new UnixDomainSocketEndPoint("/tmp/a")));
    }
}
