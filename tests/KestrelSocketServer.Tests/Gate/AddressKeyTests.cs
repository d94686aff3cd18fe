using System.Net;
using KestrelSocketServer.Gate;

namespace KestrelSocketServer.Tests.Gate;

[Trait("Row", "G2")]
public sealed class AddressKeyTests
{
    [Fact]
    public void An_ipv4_mapped_address_is_the_ipv4_address()
    {
        AddressKey mapped = AddressKey.From(IPAddress.Parse("::ffff:192.0.2.1"));
        Assert.Equal(AddressKey.From(IPAddress.Parse("192.0.2.1")), mapped);
        Assert.True(mapped.IsIPv4);
        Assert.Equal("192.0.2.1", mapped.ToString());
    }

    [Theory]
    [InlineData("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::")]
    [InlineData("2001:db8:1:2:3:4:5:6", 56, "2001:db8:1::")]
    [InlineData("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6")]
    [InlineData("2001:db8:1:2:3:4:5:6", 1, "::")]
    [InlineData("::1", 64, "::")]
    [InlineData("fe80::1%3", 128, "fe80::1")]
    [InlineData("192.0.2.1", 64, "192.0.2.1")]
    [InlineData("::ffff:192.0.2.1", 1, "192.0.2.1")]
    public void An_ipv6_address_counts_by_its_network_and_an_ipv4_one_by_itself(string address, int prefixLength, string expected)
        => Assert.Equal(expected, AddressKey.From(IPAddress.Parse(address)).ToNetwork(prefixLength).ToString());
}
