using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Tests.Addresses;

public class ListenAddressTests
{
    private const string PortRange = "a whole number from 0 to 65535";

    [Theory]
    [Trait("Row", "A1")]
    [InlineData("8080", 8080)]
    [InlineData("1", 1)]
    [InlineData("65535", 65535)]
    [InlineData("0080", 80)]
    public void A_port_alone_means_the_IPv4_loopback_address(string text, int port)
    {
        AssertIP(text, "tcp", new IPEndPoint(IPAddress.Loopback, port), $"tcp://127.0.0.1:{port}");
        Assert.Equal(ListenAddress.Parse(port), ListenAddress.Parse(text));
    }

    [Theory]
    [Trait("Row", "A2")]
    [InlineData("0", "tcp://127.0.0.1:0")]
    [InlineData("127.0.0.1:0", "tcp://127.0.0.1:0")]
    [InlineData("[::1]:0", "tcp://[::1]:0")]
    public void Port_0_asks_for_a_free_port(string text, string printed)
    {
        var address = ListenAddress.Parse(text);

        Assert.Equal(printed, address.ToString());
        Assert.Equal(0, Assert.IsType<IPEndPoint>(address.EndPoint).Port);
    }

    [Fact]
    [Trait("Row", "A2")]
    public void Port_0_can_be_given_as_a_number() => Assert.Equal("tcp://127.0.0.1:0", ListenAddress.Parse(0).ToString());

    [Theory]
    [Trait("Row", "A3")]
    [InlineData("192.168.0.1:8080", "192.168.0.1", 8080, "tcp://192.168.0.1:8080")]
    [InlineData("tcp://192.168.0.1:8080", "192.168.0.1", 8080, "tcp://192.168.0.1:8080")]
    [InlineData("255.255.255.255:65535", "255.255.255.255", 65535, "tcp://255.255.255.255:65535")]
    public void An_IPv4_address_is_taken_as_written(string text, string ip, int port, string printed) =>
        AssertIP(text, "tcp", new IPEndPoint(IPAddress.Parse(ip), port), printed);

    [Theory]
    [Trait("Row", "A4")]
    [InlineData("[::1]:8080", "::1", "tcp://[::1]:8080")]
    [InlineData("tcp://[::1]:8080", "::1", "tcp://[::1]:8080")]
    [InlineData("[2001:db8::1]:8080", "2001:db8::1", "tcp://[2001:db8::1]:8080")]
    [InlineData("[fe80::1]:8080", "fe80::1", "tcp://[fe80::1]:8080")]
    [InlineData("[fe80::1%2]:8080", "fe80::1%2", "tcp://[fe80::1%2]:8080")]
    public void An_IPv6_address_stands_in_brackets(string text, string ip, string printed) =>
        AssertIP(text, "tcp", new IPEndPoint(IPAddress.Parse(ip), 8080), printed);

    [Theory]
    [Trait("Row", "A4")]
    [InlineData("::1:8080", "'[::1]:8080'")]
    [InlineData("::1", "'[::1]:8080'")]
    [InlineData("tcp://::1:80", "'tcp://[::1]:80'")]
    [InlineData("2001:db8::1:443", "'[2001:db8::1]:443'")]
    [InlineData("fd::1:80", "'[fd::1]:80'")]
    public void An_IPv6_address_without_brackets_is_refused_with_the_brackets_to_write(string text, string suggestion) =>
        AssertRefused(text, "without brackets", suggestion);

    [Theory]
    [Trait("Row", "A4")]
    [InlineData("[fe80::1%eth0]:80")]
    [InlineData("[fe80::1%]:80")]
    [InlineData("[fe80::1%0]:80")]
    [InlineData("[fe80::1%-1]:80")]
    [InlineData("[fe80::1%4294967297]:80")]
    [InlineData("[fe80::1%25eth0]:80")]
    [InlineData("[::1%2]:80")]
    public void A_zone_is_the_number_of_an_interface_and_belongs_to_a_link_local_address(string text) =>
        AssertRefused(text, "zone", "number of the interface", "'[fe80::1%2]:80'");

    [Theory]
    [Trait("Row", "A5")]
    [InlineData("0.0.0.0:0", "0.0.0.0", "tcp://0.0.0.0:0")]
    [InlineData("[::]:0", "::", "tcp://[::]:0")]
    public void All_interfaces(string text, string ip, string printed) =>
        AssertIP(text, "tcp", new IPEndPoint(IPAddress.Parse(ip), 0), printed);

    [Theory]
    [Trait("Row", "A6")]
    [InlineData("127.0.0.1", "'127.0.0.1:8080'")]
    [InlineData("127.0.0.1:", "'127.0.0.1:8080'")]
    [InlineData("127.0.0.1/", "'127.0.0.1:8080'")]
    [InlineData("[::1]", "'[::1]:8080'")]
    [InlineData("[::1]:", "'[::1]:8080'")]
    [InlineData("tcp://127.0.0.1", "'tcp://127.0.0.1:8080'")]
    [InlineData("tls://[::1]", "'tls://[::1]:8080'")]
    public void A_missing_port_is_refused(string text, string suggestion) => AssertRefused(text, "has no port", suggestion);

    [Theory]
    [Trait("Row", "A7")]
    [InlineData("udp://127.0.0.1:80")]
    [InlineData("http://127.0.0.1:80")]
    [InlineData("https://localhost")]
    [InlineData("ftp://127.0.0.1:21")]
    [InlineData("tcp4://127.0.0.1:80")]
    [InlineData("://127.0.0.1:80")]
    [InlineData("127.0.0.1://80")]
    public void Another_scheme_is_refused_naming_those_that_are_allowed(string text) =>
        AssertRefused(text, "scheme", "'tcp', 'tls', 'unix' and 'fd'");

    [Theory]
    [Trait("Row", "A7")]
    [Trait("Row", "A12")]
    [InlineData("tls://127.0.0.1:8443", "127.0.0.1", "tls://127.0.0.1:8443")]
    [InlineData("TLS://[0::1]:8443/", "::1", "tls://[::1]:8443")]
    public void The_tls_scheme_takes_the_same_addresses(string text, string ip, string printed) =>
        AssertIP(text, "tls", new IPEndPoint(IPAddress.Parse(ip), 8443), printed);

    [Theory]
    [Trait("Row", "A7")]
    [Trait("Row", "A12")]
    [InlineData("unix:///run/app.sock", "/run/app.sock")]
    [InlineData("UNIX:///run/App.sock", "/run/App.sock")]
    [InlineData("unix:///tmp/my app?%20#é😀", "/tmp/my app?%20#é😀")]
    [InlineData("unix:///a://b", "/a://b")]
    public void The_unix_scheme_takes_an_absolute_path_literally(string text, string path)
    {
        var address = ListenAddress.Parse(text);

        Assert.Equal("unix", address.Scheme);
        Assert.False(address.IsTls);
        Assert.Equal(path, Assert.IsType<UnixDomainSocketEndPoint>(address.EndPoint).ToString());
        Assert.Equal($"unix://{path}", address.ToString());
    }

    [Theory]
    [Trait("Row", "A7")]
    [InlineData("unix://", "absolute path", "'unix:///run/app.sock'")]
    [InlineData("unix://run/app.sock", "absolute path", "'unix:///run/app.sock'")]
    [InlineData("unix://@abstract", "absolute path", "'unix:///run/app.sock'")]
    [InlineData("unix:/run/app.sock", "no '//'", "'unix:///run/app.sock'")]
    [InlineData("/run/app.sock", "no scheme", "'unix:///run/app.sock'")]
    [InlineData("unix:///", "directory", "'unix:///run/app.sock'")]
    [InlineData("unix:///run/app/", "directory", "'unix:///run/app.sock'")]
    [InlineData("unix:///run/app.sock ", "white space", "remove")]
    [InlineData("fd://", "file descriptor", "'fd://3'")]
    [InlineData("fd://-1", "file descriptor", "'fd://3'")]
    [InlineData("fd://3/", "file descriptor", "'fd://3'")]
    [InlineData("fd://0x3", "file descriptor", "'fd://3'")]
    [InlineData("fd://2147483648", "file descriptor", "2147483647")]
    [InlineData("fd:3", "no '//'", "'fd://3'")]
    public void A_path_or_descriptor_that_is_not_valid_is_refused(string text, string reason, string remedy) =>
        AssertRefused(text, reason, remedy);

    [Fact]
    [Trait("Row", "A7")]
    public void A_unix_path_is_limited_in_bytes_not_in_characters()
    {
        var limit = OperatingSystem.IsLinux() || OperatingSystem.IsWindows() ? 107 : 103;
        var longest = "unix:///" + new string('a', limit - 1);
        var wide = "unix:///" + new string('é', limit / 2) + "éé";

        Assert.Equal(longest, ListenAddress.Parse(longest).ToString());
        AssertRefused(longest + "a", $"{limit + 1} bytes", $"at most {limit}");
        Assert.Contains($"at most {limit}", Assert.Throws<ArgumentException>(() => ListenAddress.Parse(wide)).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "A7")]
    public void A_unix_path_is_well_formed_without_control_characters()
    {
        AssertRefusedPrinted("unix:///run/\0app", @"unix:///run/\u0000app", "control character");
        AssertRefusedPrinted("unix:///run/\ud800app", @"unix:///run/\ud800app", "well-formed Unicode");
    }

    [Theory]
    [Trait("Row", "A7")]
    [Trait("Row", "A12")]
    [InlineData("fd://0", 0, "fd://0")]
    [InlineData("fd://3", 3, "fd://3")]
    [InlineData("FD://03", 3, "fd://3")]
    [InlineData("fd://2147483647", int.MaxValue, "fd://2147483647")]
    public void The_fd_scheme_takes_a_descriptor(string text, int descriptor, string printed)
    {
        var address = ListenAddress.Parse(text);

        Assert.Equal("fd", address.Scheme);
        Assert.False(address.IsTls);
        var endPoint = Assert.IsType<FileHandleEndPoint>(address.EndPoint);
        Assert.Equal((ulong)descriptor, endPoint.FileHandle);
        Assert.Equal(FileHandleType.Auto, endPoint.FileHandleType);
        Assert.Equal(printed, address.ToString());
    }

    [Theory]
    [Trait("Row", "A8")]
    [InlineData("localhost:8080", "'127.0.0.1:8080'")]
    [InlineData("localhost", "'127.0.0.1:8080'")]
    [InlineData("example.com:80", "'127.0.0.1:80'")]
    [InlineData("tcp://example.com:80/", "'tcp://127.0.0.1:80'")]
    [InlineData("tls://localhost:443", "'tls://127.0.0.1:443'")]
    [InlineData("my_host-1.local:abc", "'127.0.0.1:8080'")]
    [InlineData("müller.example:80", "'127.0.0.1:80'")]
    [InlineData("4.example.com:80", "'127.0.0.1:80'")]
    public void A_host_name_is_refused_with_an_IP_address_to_write(string text, string suggestion) =>
        AssertRefused(text, "is a host name; write an IP address such as", suggestion);

    [Fact]
    [Trait("Row", "A8")]
    public void The_message_about_a_host_name_can_follow_a_configuration_key()
    {
        var exception = Assert.Throws<ArgumentException>(() => ListenAddress.Parse("localhost:80"));

        Assert.Equal("'localhost:80' is a host name; write an IP address such as '127.0.0.1:80'", exception.Message);
    }

    [Theory]
    [Trait("Row", "A8")]
    [InlineData("*:8080", "'0.0.0.0:8080'", "'[::]:8080'")]
    [InlineData("+:8080", "'0.0.0.0:8080'", "'[::]:8080'")]
    [InlineData("tls://*:443", "'tls://0.0.0.0:443'", "'tls://[::]:443'")]
    public void A_wildcard_is_refused_with_the_addresses_of_all_interfaces(string text, string ipv4, string ipv6) =>
        AssertRefused(text, "host name", ipv4, ipv6);

    [Theory]
    [Trait("Row", "A9")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("65536")]
    [InlineData("99999")]
    [InlineData("000080")]
    [InlineData("1e4")]
    [InlineData("0x1F90")]
    [InlineData("8080/")]
    [InlineData("1,000")]
    [InlineData("８０８０")]
    [InlineData("٨٠")]
    public void A_port_alone_out_of_range_or_not_a_number_is_refused(string text) => AssertRefused(text, "is not a port", PortRange);

    [Theory]
    [Trait("Row", "A9")]
    [InlineData("127.0.0.1:-1")]
    [InlineData("127.0.0.1:+1")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("127.0.0.1:99999")]
    [InlineData("127.0.0.1:000080")]
    [InlineData("127.0.0.1:abc")]
    [InlineData("127.0.0.1:1e4")]
    [InlineData("tcp://127.0.0.1:0x1F90")]
    [InlineData("127.0.0.1:８０")]
    [InlineData("[::1]:65536")]
    [InlineData("[::1]::80")]
    public void A_port_out_of_range_or_not_a_number_is_refused(string text) => AssertRefused(text, "no valid port", PortRange);

    [Theory]
    [Trait("Row", "A9")]
    [InlineData(-1)]
    [InlineData(65536)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void A_number_that_is_no_port_is_refused(int port)
    {
        var exception = Assert.Throws<ArgumentException>(() => ListenAddress.Parse(port));

        Assert.Equal($"'{port}' is not a port; write {PortRange}", exception.Message);
    }

    [Theory]
    [Trait("Row", "A10")]
    [InlineData("", "is empty")]
    [InlineData(" ", "is empty")]
    [InlineData(":8080", "no IP address", "'127.0.0.1:8080'", "'0.0.0.0:8080'")]
    [InlineData("tcp://:8080", "no IP address", "'tcp://127.0.0.1:8080'")]
    [InlineData("tcp://8080", "no IP address", "'tcp://127.0.0.1:8080'")]
    [InlineData("tcp://", "no IP address", "'tcp://127.0.0.1:8080'")]
    [InlineData("tcp:///127.0.0.1:1", "no IP address", "'tcp://127.0.0.1:1'")]
    [InlineData("//127.0.0.1:1", "no scheme before '//'", "'tcp://127.0.0.1:8080'")]
    [InlineData("tcp:127.0.0.1:1", "no '//' after its scheme", "'tcp://127.0.0.1:8080'")]
    [InlineData("tcp:/127.0.0.1:1", "no '//' after its scheme", "'tcp://127.0.0.1:8080'")]
    [InlineData("tcp://tcp://127.0.0.1:1", "ends after its port")]
    [InlineData("[::1:0", "no closing bracket", "'[::1]:8080'")]
    [InlineData("::1]:0", "is not an address", "'[::1]:8080'")]
    [InlineData("[]:0", "no valid IPv6 address", "'[::1]:0'")]
    [InlineData("[[::1]]:0", "no valid IPv6 address")]
    [InlineData("[gg::1]:0", "no valid IPv6 address")]
    [InlineData("[127.0.0.1]:0", "no valid IPv6 address")]
    [InlineData("[::ffff:127.0.0.01]:0", "no valid IPv6 address")]
    [InlineData("[::ffff:0x7f.1]:0", "no valid IPv6 address")]
    [InlineData("[1::2::3]:0", "no valid IPv6 address")]
    [InlineData("[1:2:3:4:5:6:7]:0", "no valid IPv6 address")]
    [InlineData("[1:2:3:4:5:6:7:8:9]:0", "no valid IPv6 address")]
    [InlineData("[00001::]:0", "no valid IPv6 address")]
    [InlineData("[::1/64]:0", "ends after its port")]
    [InlineData("[::1]0", "is not an address")]
    [InlineData("127.0.0.1 :0", "white space")]
    [InlineData(" 127.0.0.1:0", "white space")]
    [InlineData("127.0.0.1:0\u00a0", "white space")]
    [InlineData(" 8080", "white space")]
    [InlineData("user@127.0.0.1:0", "user information")]
    [InlineData("tcp://user:secret@127.0.0.1:0", "user information")]
    [InlineData("127.1:0", "no valid IPv4 address", "'127.0.0.1:0'")]
    [InlineData("127.1", "no valid IPv4 address", "'127.0.0.1:8080'")]
    [InlineData("127.0.0.01:0", "no valid IPv4 address")]
    [InlineData("127.0.0.256:0", "no valid IPv4 address")]
    [InlineData("127.0.0.0.1:0", "no valid IPv4 address")]
    [InlineData("127.0.0.1.:0", "no valid IPv4 address")]
    [InlineData("127..0.1:0", "no valid IPv4 address")]
    [InlineData("2130706433:0", "no valid IPv4 address")]
    [InlineData("0x7f.0.0.1:0", "no valid IPv4 address")]
    [InlineData("１27.0.0.1:0", "no valid IPv4 address")]
    [InlineData("2130706433", "is not a port")]
    [InlineData("!:0", "is not an address")]
    public void A_malformed_address_is_refused(string text, params string[] parts) => AssertRefused(text, parts);

    [Theory]
    [Trait("Row", "A10")]
    [InlineData("127.0.0.1:0\n", @"127.0.0.1:0\u000a")]
    [InlineData("\t8080", @"\u00098080")]
    [InlineData("127.0.0.1\0:0", @"127.0.0.1\u0000:0")]
    [InlineData("8080\0", @"8080\u0000")]
    [InlineData("\u001b[31m:80", @"\u001b[31m:80")]
    [InlineData("127.0.0.1:80\u0085", @"127.0.0.1:80\u0085")]
    public void Control_characters_are_refused_and_escaped_in_the_message(string text, string printed) =>
        AssertRefusedPrinted(text, printed, "control character");

    [Fact]
    [Trait("Row", "A10")]
    public void What_reorders_text_or_is_not_well_formed_is_escaped_in_the_message()
    {
        AssertRefusedPrinted("\u202e1.0.0.127:80", @"\u202e1.0.0.127:80");
        AssertRefusedPrinted("x\u2028:80", @"x\u2028:80");
        AssertRefusedPrinted("\udc00😀:80", @"\udc00😀:80");
    }

    [Fact]
    [Trait("Row", "A10")]
    public void A_long_address_is_cut_in_the_message()
    {
        var exception = Assert.Throws<ArgumentException>(() => ListenAddress.Parse(new string('a', 1_000_000)));

        Assert.StartsWith($"'{new string('a', 128)}…' is a host name", exception.Message, StringComparison.Ordinal);
        Assert.InRange(exception.Message.Length, 128, 300);
    }

    [Fact]
    [Trait("Row", "A10")]
    public void Null_is_refused()
    {
        Assert.Throws<ArgumentNullException>("address", () => ListenAddress.Parse(null!));
        Assert.False(ListenAddress.TryParse(null, out var address));
        Assert.Null(address);
    }

    [Theory]
    [Trait("Row", "A11")]
    [InlineData("127.0.0.1:80/x?y#z", "ends after its port")]
    [InlineData("127.0.0.1:80/x", "ends after its port")]
    [InlineData("127.0.0.1:80?y", "ends after its port")]
    [InlineData("127.0.0.1:80#z", "ends after its port")]
    [InlineData("127.0.0.1:80//", "ends after its port")]
    [InlineData("tcp://[::1]:80/x", "ends after its port")]
    [InlineData(@"127.0.0.1:80\", "ends after its port")]
    [InlineData("127.0.0.1:1:0", "is not an address")]
    [InlineData("127.0.0.1:0080x", "no valid port")]
    [InlineData("127.0.0.1:0 ", "white space")]
    public void What_follows_the_port_is_refused(string text, string reason) => AssertRefused(text, reason);

    [Theory]
    [Trait("Row", "A11")]
    [InlineData("127.0.0.1:80/", "tcp://127.0.0.1:80")]
    [InlineData("tcp://127.0.0.1:80/", "tcp://127.0.0.1:80")]
    [InlineData("tls://[::1]:80/", "tls://[::1]:80")]
    public void A_lone_trailing_slash_is_accepted(string text, string printed) =>
        Assert.Equal(printed, ListenAddress.Parse(text).ToString());

    [Theory]
    [Trait("Row", "A12")]
    [InlineData("TCP://127.0.0.1:80", "tcp")]
    [InlineData("Tcp://127.0.0.1:80", "tcp")]
    [InlineData("tLs://127.0.0.1:80", "tls")]
    public void Schemes_compare_without_case(string text, string scheme)
    {
        AssertIP(text, scheme, new IPEndPoint(IPAddress.Loopback, 80), $"{scheme}://127.0.0.1:80");
        Assert.Equal(ListenAddress.Parse($"{scheme}://127.0.0.1:80"), ListenAddress.Parse(text));
    }

    [Theory]
    [Trait("Row", "A16")]
    [InlineData("[0:0:0:0:0:0:0:1]:80", "tcp://[::1]:80")]
    [InlineData("[2001:DB8:0:0::0001]:080", "tcp://[2001:db8::1]:80")]
    [InlineData("[::ffff:127.0.0.1]:80", "tcp://[::ffff:127.0.0.1]:80")]
    [InlineData("[::ffff:7f00:1]:80", "tcp://[::ffff:127.0.0.1]:80")]
    [InlineData("[fe80:0::1%02]:80", "tcp://[fe80::1%2]:80")]
    public void IPv6_is_printed_normalised_and_stays_IPv6(string text, string printed)
    {
        var address = ListenAddress.Parse(text);

        Assert.Equal(printed, address.ToString());
        Assert.Equal(AddressFamily.InterNetworkV6, address.EndPoint.AddressFamily);
        Assert.Equal(address, ListenAddress.Parse(printed));
    }

    [Fact]
    [Trait("Row", "A1")]
    [Trait("Row", "A16")]
    public void Addresses_that_print_the_same_are_equal()
    {
        var one = ListenAddress.Parse("8080");
        var same = ListenAddress.Parse("TCP://127.0.0.1:08080/");

        Assert.True(one == same && !(one != same) && one.Equals((object)same));
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        foreach (var text in (string[])["8081", "tls://127.0.0.1:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080", "fd://8080", "unix:///8080"])
        {
            var other = ListenAddress.Parse(text);
            Assert.True(one != other && !(one == other) && !one.Equals((object)other));
        }

        Assert.True(one != null && null != one && (ListenAddress?)null == null && !one.Equals(null));
    }

    [Fact]
    [Trait("Row", "A3")]
    [Trait("Row", "A4")]
    public void Changing_the_end_point_does_not_change_the_address()
    {
        var address = ListenAddress.Parse("[fe80::1%2]:80");
        var endPoint = Assert.IsType<IPEndPoint>(address.EndPoint);
        endPoint.Port = 81;
        endPoint.Address.ScopeId = 3;

        Assert.Equal(IPEndPoint.Parse("[fe80::1%2]:80"), address.EndPoint);
    }

    [Fact]
    [Trait("Row", "A3")]
    [Trait("Row", "A8")]
    public void It_can_be_parsed_generically()
    {
        Assert.Equal("tcp://10.0.0.1:80", ParseAny<ListenAddress>("10.0.0.1:80").ToString());
        Assert.True(TryParseAny<ListenAddress>("10.0.0.1:80", out var parsed));
        Assert.Equal(ListenAddress.Parse("10.0.0.1:80"), parsed);
        string message = Assert.Throws<ArgumentException>(() => ListenAddress.Parse("localhost:80")).Message;
        Assert.Equal(message, Assert.Throws<FormatException>(() => ParseAny<ListenAddress>("localhost:80")).Message);
        Assert.Throws<ArgumentNullException>(() => ParseAny<ListenAddress>(null!));
        Assert.False(TryParseAny<ListenAddress>("localhost:80", out _));
    }

    private static T ParseAny<T>(string text)
        where T : IParsable<T> => T.Parse(text, null);

    private static bool TryParseAny<T>(string text, out T? result)
        where T : IParsable<T> => T.TryParse(text, null, out result);

    private static void AssertIP(string text, string scheme, IPEndPoint endPoint, string printed)
    {
        var address = ListenAddress.Parse(text);

        Assert.Equal(scheme, address.Scheme);
        Assert.Equal(scheme == "tls", address.IsTls);
        Assert.Equal(endPoint, address.EndPoint);
        Assert.Equal(printed, address.ToString());
        Assert.True(ListenAddress.TryParse(text, out var tried));
        Assert.Equal(address, tried);
    }

    private static void AssertRefused(string text, params string[] parts) => AssertRefusedPrinted(text, text, parts);

    private static void AssertRefusedPrinted(string text, string printed, params string[] parts)
    {
        var exception = Assert.Throws<ArgumentException>(() => ListenAddress.Parse(text));

        Assert.StartsWith($"'{printed}' ", exception.Message, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, exception.Message, StringComparison.Ordinal));
        Assert.False(ListenAddress.TryParse(text, out var address));
        Assert.Null(address);
    }
}
