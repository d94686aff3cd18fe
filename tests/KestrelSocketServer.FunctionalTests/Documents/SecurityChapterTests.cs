using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KestrelSocketServer.FunctionalTests.Configuration;
using KestrelSocketServer.FunctionalTests.Tls;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Documents;

[Trait("Row", "H8")]
public sealed class SecurityChapterTests
{
    [Fact]
    [Trait("Row", "K1")]
    public async Task The_configuration_for_the_internet_is_accepted_without_a_word_and_serves()
    {
        JsonNode settings = ReadSettings("## An endpoint on the internet");
        JsonNode endpoints = settings["SocketServer"]!["Endpoints"]!;
        endpoints["Gateway"]!["Url"] = "tls://127.0.0.1:0";
        endpoints["Internal"]!["Url"] = "tcp://127.0.0.1:0";
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new() { ["server.pem"] = TestPki.Pem(certificate) }, settings, builder => builder.Services.AddSocketServer(server =>
            {
                server.Endpoint("Gateway").UseSocketHandler(connection => connection.Pipe(connection));
                server.Endpoint("Internal").UseSocketHandler(connection => connection.Pipe(connection));
            }));

        using RawClient client = await RawClient.ConnectAsync(app.AddressOf("Internal")!);
        await client.SendAsync("hello");
        Assert.Equal("hello", await client.ReceiveTextAsync(5));
        Assert.DoesNotContain(app.Logs.GetSnapshot(), record => record.Level >= LogLevel.Warning);
    }

    private static JsonNode ReadSettings(string heading)
    {
        string chapter = File.ReadAllText(Repository.PathOf("src/KestrelSocketServer/Gate/README.md"));
        string rest = chapter[chapter.IndexOf(heading, StringComparison.Ordinal)..];
        int start = rest.IndexOf("```json", StringComparison.Ordinal) + "```json".Length;
        return JsonNode.Parse(rest[start..rest.IndexOf("```", start, StringComparison.Ordinal)])!;
    }
}
