using KestrelSocketServer.Configuration;

namespace KestrelSocketServer.Tests.Configuration;

[Trait("Row", "K3")]
public sealed class NearestNameTests
{
    private static readonly string[] Known = ["Url", "Limits:IdleTimeout", "Limits:WriteBufferSoftLimit", "Socket:Backlog", "HandshakeTimeout"];

    [Theory]
    [InlineData("Uri", "Url")]
    [InlineData("Limits:IdleTimout", "Limits:IdleTimeout")]
    [InlineData("limits:idletimeout", "Limits:IdleTimeout")]
    [InlineData("IdleTimeout", "Limits:IdleTimeout")]
    [InlineData("Socket:Backlogs", "Socket:Backlog")]
    [InlineData("WriteBufferSoftLimits", "Limits:WriteBufferSoftLimit")]
    public void A_slip_finds_what_was_meant(string written, string expected) => Assert.Equal(expected, NearestName.Find(written, Known));

    [Theory]
    [InlineData("Certificate")]
    [InlineData("SomethingElse")]
    public void What_is_like_nothing_finds_nothing(string written) => Assert.Null(NearestName.Find(written, Known));
}
