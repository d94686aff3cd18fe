using System.Net;
using CsCheck;
using KestrelSocketServer.Transport.EventLoops;

namespace KestrelSocketServer.Tests.Transport;

[Trait("Row", "C21")]
public sealed class NativeAddressTests
{
    [Theory]
    [InlineData("0200 1F90 7F000001 0000000000000000", "127.0.0.1:8080")]
    [InlineData("0A00 0050 00000000 00000000000000000000000000000001 00000000", "[::1]:80")]
    [InlineData("0A00 0050 00000000 FE800000000000000000000000000001 03000000", "[fe80::1%3]:80")]
    [InlineData("0A00 0050 00000000 00000000000000000000FFFF01020304 00000000", "[::ffff:1.2.3.4]:80")]
    public void An_address_of_IP_is_read(string bytes, string expected)
    {
        // The family is in the machine's order.
        Assert.True(BitConverter.IsLittleEndian);
        Assert.Equal(IPEndPoint.Parse(expected), NativeAddress.Read(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("02")]
    [InlineData("0200 1F90 7F0000")]
    [InlineData("0A00 0050 00000000 0000000000000000")]
    [InlineData("0100 2F746D70")]
    public void Anything_else_is_none(string bytes)
        => Assert.Null(NativeAddress.Read(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal))));

    [Fact]
    public void Whatever_bytes_there_are_nothing_is_thrown()
        => Gen.Byte.Array[0, NativeAddress.MaxLength].Sample(bytes => { _ = NativeAddress.Read(bytes); });

    [Fact]
    public unsafe void A_poll_item_holds_what_was_written() => Gen.Select(Gen.UInt, Gen.Long).Sample((readiness, token) =>
    {
        byte* item = stackalloc byte[PollItem.Size];
        PollItem.Write(item, (Readiness)readiness, token);

        return PollItem.ReadReadiness(item) == (Readiness)readiness && PollItem.ReadToken(item) == token;
    });
}
