using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Configuration;

public sealed class ConfigurationSchemaTests
{
    private static readonly JsonElement Schema =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "ConfigurationSchema.json"))).RootElement;

    [Fact]
    [Trait("Row", "K7")]
    public void The_schema_has_exactly_the_options_of_an_endpoint_with_their_types_and_defaults()
        => AssertSame(typeof(SocketEndpointOptions), Schema.GetProperty("definitions").GetProperty("socketServerEndpoint"));

    [Fact]
    [Trait("Row", "K7")]
    public async Task Every_key_of_the_schema_is_known_when_it_is_configured()
    {
        Dictionary<string, object?> endpoint = Example(Schema.GetProperty("definitions").GetProperty("socketServerEndpoint"));
        endpoint["Url"] = "tls://127.0.0.1:0";
        endpoint["Enabled"] = true;
        endpoint["ClientCertificateMode"] = "RequireCertificate";
        ((Dictionary<string, object?>)endpoint["Certificate"]!).Remove("Subject");
        ((Dictionary<string, object?>)((Dictionary<string, object?>)((Dictionary<string, object?>)endpoint["Sni"]!)["*.example.com"]!)["Certificate"]!).Remove("Path");
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new { SocketServer = new { ShutdownTimeout = "00:00:01", EndpointDefaults = endpoint, Endpoints = new { Echo = endpoint } } },
            builder => builder.Services.AddSocketHandler<EchoHandler>("Echo"));

        Assert.NotNull(app.AddressOf("Echo"));
        LogAssert.NoWarnings(app.Logs);
    }

    [Fact]
    [Trait("Row", "K2")]
    [Trait("Row", "K7")]
    public async Task Every_key_of_the_schema_may_be_null_which_is_as_good_as_none()
    {
        Dictionary<string, object?> nothing = Nothing(Schema.GetProperty("definitions").GetProperty("socketServerEndpoint"));
        var endpoint = new Dictionary<string, object?>(nothing) { ["Url"] = "127.0.0.1:0" };
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new
            {
                SocketServer = new
                {
                    ShutdownTimeout = (string?)null,
                    Transport = new { EventLoopCount = (int?)null, BlockingLimit = (string?)null, RunHandlersOnThreadPool = (bool?)null },
                    EndpointDefaults = nothing,
                    Endpoints = new { Echo = endpoint },
                },
            },
            builder => builder.Services.AddSocketHandler<EchoHandler>("Echo"));

        using System.Net.Sockets.TcpClient client = await app.ConnectAsync("Echo");
        Assert.Equal("hello", await ConfiguredApp.AskAsync(client, "hello"));
        LogAssert.NoWarnings(app.Logs);
    }

    private static void AssertSame(Type options, JsonElement schema)
    {
        object defaults = Activator.CreateInstance(options)!;

        // An option of the connection in code, and of the endpoint in configuration.
        PropertyInfo[] properties =
        [
            .. options.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Where(property => (options, property.Name) != (typeof(SocketConnectionOptions), nameof(SocketConnectionOptions.AllowHalfOpen))),
        ];
        Assert.Equal(properties.Select(property => property.Name).Order(), schema.GetProperty("properties").EnumerateObject().Select(property => property.Name).Order());
        foreach (PropertyInfo property in properties)
        {
            JsonElement described = Resolve(schema.GetProperty("properties").GetProperty(property.Name));
            Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            Assert.True(described.TryGetProperty("description", out _) || described.TryGetProperty("properties", out _), property.Name);
            string expected = type == typeof(bool) ? "boolean"
                : type == typeof(double) ? "number"
                : type == typeof(int) || type == typeof(long) ? "integer"
                : type == typeof(double) ? "number"
                : type == typeof(string) || type == typeof(TimeSpan) || type.IsEnum ? "string"
                : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>) ? "array"
                : "object";
            Assert.Equal((property.Name, expected), (property.Name, described.GetProperty("type").GetString()));
            if (described.TryGetProperty("additionalProperties", out JsonElement named))
            {
                AssertSame(type.GetGenericArguments()[1], Resolve(named));
            }
            else if (expected == "object")
            {
                AssertSame(type, described);
            }
            else if (expected != "array")
            {
                string? actual = Convert.ToString(property.GetValue(defaults), CultureInfo.InvariantCulture);
                Assert.Equal((property.Name, actual), (property.Name, described.TryGetProperty("default", out JsonElement value) ? value.ToString() : ""));
            }
        }
    }

    private static JsonElement Resolve(JsonElement schema) => schema.TryGetProperty("$ref", out JsonElement reference)
        ? Schema.GetProperty("definitions").GetProperty(reference.GetString()!.Split('/')[^1])
        : schema;

    private static Dictionary<string, object?> Nothing(JsonElement schema) => schema.GetProperty("properties").EnumerateObject().ToDictionary(
        property => property.Name,
        property => Resolve(property.Value) is var value && value.TryGetProperty("properties", out _) && property.Name != "Certificate" ? (object)Nothing(value) : null);

    private static Dictionary<string, object?> Example(JsonElement schema)
        => schema.GetProperty("properties").EnumerateObject().ToDictionary(property => property.Name, property => ExampleOf(property.Name, Resolve(property.Value)));

    // A value that is allowed.
    private static object? ExampleOf(string name, JsonElement schema) => schema.GetProperty("type").GetString() switch
    {
        "object" when schema.TryGetProperty("additionalProperties", out JsonElement named)
            => new Dictionary<string, object?> { ["*.example.com"] = Example(Resolve(named)) },
        "object" => Example(schema),
        "array" => new[] { name switch { "SslProtocols" => "Tls13", "CipherSuites" => "TLS_AES_128_GCM_SHA256", "Allow" or "Deny" or "TrustedProxies" => "127.0.0.0/8", _ => "echo/1" } },
        "boolean" => false,
        "number" => 0.5,
        "integer" => name == "WriteBufferHardLimit" ? 1_000_000 : 1,
        _ => schema.TryGetProperty("default", out JsonElement value) ? value.GetString() : name.EndsWith("Path", StringComparison.Ordinal) ? "server.pem" : "00:00:01",
    };
}
