using CsCheck;
using KestrelSocketServer.Configuration;
using Microsoft.Extensions.Configuration;

namespace KestrelSocketServer.Tests.Fuzz;

public sealed class ConfigurationFuzzTests
{
    [Fact]
    [Trait("Row", "K2")]
    public void Any_configuration_gives_endpoints_or_mistakes_and_throws_nothing() => Corpus.Mutated("configuration").Sample(bytes =>
    {
        if (TryLoad(bytes) is { } configuration)
        {
            SocketServerSnapshot snapshot = SocketServerConfiguration.Read(configuration.GetSection(SocketServerConfiguration.DefaultSection));
            IReadOnlyList<EndpointPlan> plans = EndpointPlan.Create(new Dictionary<string, EndpointDefinition>(), snapshot);

            Assert.DoesNotContain(snapshot.Errors, string.IsNullOrWhiteSpace);
            Assert.All(plans, plan => Assert.NotNull(plan.Address));
        }
    });

    // Null where it is no JSON: that is the framework's to tell.
    private static IConfigurationRoot? TryLoad(byte[] json)
    {
        try
        {
            return new ConfigurationBuilder().AddJsonStream(new MemoryStream(json)).Build();
        }
        catch (Exception exception) when (exception is FormatException or System.Text.Json.JsonException or InvalidDataException)
        {
            return null;
        }
    }
}
