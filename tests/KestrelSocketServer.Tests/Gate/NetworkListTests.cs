using System.Net;
using KestrelSocketServer.Gate;

namespace KestrelSocketServer.Tests.Gate;

[Trait("Row", "G5")]
public sealed class NetworkListTests
{
    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0", true)]
    [InlineData("10.0.0.0/8", "10.255.255.255", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("10.0.0.0/8", "9.255.255.255", false)]
    [InlineData("10.0.0.0/8", "::ffff:10.1.2.3", true)]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("0.0.0.0/0", "203.0.113.7", true)]
    [InlineData("0.0.0.0/0", "2001:db8::1", false)]
    [InlineData("::/0", "2001:db8::1", true)]
    [InlineData("::/0", "203.0.113.7", false)]
    [InlineData("2001:db8::/32", "2001:db8:ffff::1", true)]
    [InlineData("2001:db8::/32", "2001:db9::", false)]
    [InlineData("::1", "::1", true)]
    [InlineData("::ffff:10.0.0.0/104", "10.1.2.3", true)]
    [InlineData("::ffff:10.0.0.0/104", "11.1.2.3", false)]
    public void A_network_has_the_addresses_that_begin_as_it_does(string network, string address, bool expected)
        => Assert.Equal(expected, NetworkList.Parse([network])!.Contains(AddressKey.From(IPAddress.Parse(address))));

    [Fact]
    public void A_list_has_what_any_of_its_networks_has_in_whatever_order_and_however_they_overlap()
    {
        var random = new Random(1);
        IPNetwork[] networks = [.. Enumerable.Range(0, 300).Select(_ => RandomNetwork(random))];
        var list = new NetworkList(networks);
        for (int i = 0; i < 20_000; i++)
        {
            var address = new IPAddress([10, (byte)random.Next(4), (byte)random.Next(256), (byte)random.Next(256)]);
            Assert.Equal(networks.Any(network => network.Contains(address)), list.Contains(AddressKey.From(address)));
        }
    }

    [Fact]
    public void An_empty_list_is_none()
    {
        Assert.Null(NetworkList.Parse([]));
    }

    [Theory]
    [InlineData("", "'' is not allowed; write a network such as 10.0.0.0/8 or 2001:db8::/32, or an address such as 192.0.2.1")]
    [InlineData(null, "'' is not allowed;")]
    [InlineData("example.com", "'example.com' is not allowed; write a network")]
    [InlineData("10.0.0.0/33", "'10.0.0.0/33' is not allowed; the length behind the slash is from 0 to 32")]
    [InlineData("10.0.0.0/", "the length behind the slash is from 0 to 32")]
    [InlineData("10.0.0.0/-1", "the length behind the slash is from 0 to 32")]
    [InlineData("10.0.0.0/255.0.0.0", "the length behind the slash is from 0 to 32")]
    [InlineData("2001:db8::/129", "the length behind the slash is from 0 to 128")]
    [InlineData("010.0.0.0/8", "is not allowed; write a network")]
    [InlineData("10/8", "is not allowed; write a network")]
    [InlineData("fe80::1%3", "is not allowed; write a network")]
    [InlineData("[::1]", "is not allowed; write a network")]
    [InlineData(" 10.0.0.0/8", "is not allowed; write a network")]
    [InlineData("10.0.0.1/8", "'10.0.0.1/8' has an address with bits beyond its first 8; write 10.0.0.0/8, or the address alone")]
    [InlineData("2001:db8::1/32", "write 2001:db8::/32, or the address alone")]
    [InlineData("a\nb", "'a\\u000ab' is not allowed")]
    public void What_is_no_network_is_told_with_what_is(string? text, string expected)
    {
        Assert.False(NetworkList.TryParse(text, out _, out string? fault));
        Assert.Contains(expected, fault, StringComparison.Ordinal);
    }

    private static IPNetwork RandomNetwork(Random random)
    {
        int length = random.Next(20, 33);
        uint address = (10u << 24) | (uint)random.Next(4 << 16);
        uint first = address & (uint.MaxValue << (32 - length));
        return new IPNetwork(new IPAddress([(byte)(first >> 24), (byte)(first >> 16), (byte)(first >> 8), (byte)first]), length);
    }
}
