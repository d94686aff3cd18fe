using KestrelSocketServer.Configuration;

namespace KestrelSocketServer.Tests.Configuration;

public sealed class ConfigurationKeyTests
{
    [Theory]
    [InlineData("Sni:*:Certificate:Path", "sni:example.org:certificate:PATH", true, false)]
    [InlineData("Sni:*:Certificate:Path", "Sni:example.org", false, true)]
    [InlineData("Sni:*:Certificate:Path", "Sni", false, true)]
    [InlineData("Sni:*:Certificate:Path", "Sni:example.org:Certificate:Path:More", false, false)]
    [InlineData("Url", "Url", true, false)]
    [InlineData("Url", "Uri", false, false)]
    [Trait("Row", "K3")]
    public void A_key_stands_for_the_paths_of_its_pattern(string pattern, string path, bool matches, bool isBelow)
    {
        var key = new ConfigurationKey(pattern, static _ => null);

        Assert.Equal((matches, isBelow), (key.Matches(path), key.IsBelow(path)));
    }

    [Fact]
    [Trait("Row", "K24")]
    public void A_renamed_key_keeps_the_names_that_its_pattern_leaves_open()
    {
        var key = new ConfigurationKey("Sni:*:Certificate:Password", static _ => null, NewPath: "Sni:*:Certificate:Passphrase");

        Assert.Equal("Sni:example.org:Certificate:Passphrase", key.Rename("Sni:example.org:Certificate:Password"));
    }

    [Theory]
    [InlineData("Socket:Backlog", "512", true)]
    [InlineData("Socket:Backlog", "0", false)]
    [InlineData("Socket:Backlog", "many", false)]
    [InlineData("AllowHalfOpen", "TRUE", true)]
    [InlineData("AllowHalfOpen", "yes", false)]
    [InlineData("Limits:IdleTimeout", "00:01:00", true)]
    [InlineData("Limits:IdleTimeout", "00:00:00", false)]
    [InlineData("Limits:IdleTimeout", "soon", false)]
    [InlineData("ClientCertificateMode", "allowcertificate", true)]
    [InlineData("ClientCertificateMode", "1", false)]
    [InlineData("Url", "tcp://127.0.0.1:80", true)]
    [InlineData("Url", "tcp://127.0.0.1:99999", false)]
    [InlineData("ClientCertificateAuthorities", " ", false)]
    [Trait("Row", "K4")]
    public void A_fault_names_the_value_and_what_is_allowed(string path, string value, bool isAllowed)
    {
        string? fault = ConfigurationKey.OfEndpoint.Single(key => key.Path == path).Check(value);

        Assert.Equal(isAllowed, fault is null);
        Assert.True(isAllowed || fault!.Contains(value.Trim(), StringComparison.Ordinal), fault);
    }
}
