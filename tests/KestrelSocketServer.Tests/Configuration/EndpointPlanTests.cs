using KestrelSocketServer.Configuration;
using Microsoft.Extensions.Configuration;

namespace KestrelSocketServer.Tests.Configuration;

public sealed class EndpointPlanTests
{
    [Fact]
    [Trait("Row", "K2")]
    public void A_host_without_a_certificate_is_a_mistake_with_its_key()
    {
        IConfigurationRoot configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Endpoints:gateway:Url"] = "tls://127.0.0.1:0",
            ["Endpoints:gateway:Sni:a.example:Certificat:Path"] = "a.pem",
        }).Build();
        SocketServerSnapshot snapshot = SocketServerConfiguration.Read(configuration);
        EndpointPlan.Create(new Dictionary<string, EndpointDefinition>(), snapshot);

        Assert.StartsWith("Endpoints:gateway:Sni:a.example:Certificate: is missing", Assert.Single(snapshot.Errors), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "K5")]
    public void A_configured_endpoint_without_an_address_is_a_mistake_that_shows_one()
    {
        IConfigurationRoot configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Endpoints:echo:Limits:IdleTimeout"] = "00:01:00",
        }).Build();
        SocketServerSnapshot snapshot = SocketServerConfiguration.Read(configuration);

        Assert.Empty(EndpointPlan.Create(new Dictionary<string, EndpointDefinition>(), snapshot));
        Assert.Equal("Endpoints:echo:Url: is missing; write an address such as 'tcp://127.0.0.1:8080'", Assert.Single(snapshot.Errors));
    }
}
