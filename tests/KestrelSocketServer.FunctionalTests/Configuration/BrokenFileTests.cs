using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Configuration;

[Trait("Row", "K21")]
public sealed class BrokenFileTests
{
    private const string Broken = """{ "SocketServer": { "Endpoints": { "A": """;

    [Fact]
    public async Task A_file_that_is_broken_in_place_is_told_once_and_followed_when_it_is_whole_again()
    {
        int failures = 0;
        await using ConfiguredApp app = await StartAsync(new ReplaceableConfiguration());
        string address = app.AddressOf("A")!;
        app.Servers.ReloadFailed += _ => Interlocked.Increment(ref failures);

        app.WriteText(Broken);
        await app.UntilAsync(() => app.LastFailure is not null);

        Assert.Contains("appsettings.json", app.LastFailure!.Message, StringComparison.Ordinal);
        Assert.Equal(address, app.AddressOf("A"));
        using TcpClient client = await app.ConnectAsync("A");
        Assert.Equal("?", await ConfiguredApp.AskAsync(client, "?"));

        app.Write(Settings("A", "B"));
        await app.UntilAsync(() => app.AddressOf("B") is not null);

        Assert.Equal(address, app.AddressOf("A"));
        FakeLogRecord error = Assert.Single(app.Logs.GetSnapshot(), record => record.Level >= LogLevel.Error);
        Assert.Equal("ReloadFailed", error.Id.Name);
        Assert.Equal(app.LastFailure, error.Exception);
        Assert.Equal(1, failures);
    }

    [Fact]
    public async Task While_a_file_is_broken_a_change_elsewhere_does_not_apply_what_is_left_of_it()
    {
        var other = new ReplaceableConfiguration();
        await using ConfiguredApp app = await StartAsync(other);
        app.WriteText(Broken);
        await app.UntilAsync(() => app.LastFailure is not null);

        other.Replace(new() { ["SocketServer:Endpoints:B:Url"] = "127.0.0.1:0" });
        app.Write(Settings("A", "C"));
        await app.UntilAsync(() => app.AddressOf("B") is not null && app.AddressOf("C") is not null);

        Assert.DoesNotContain(app.Logs.GetSnapshot(), record => record.Id.Name == "StoppedListening");
    }

    [Fact]
    public async Task A_file_that_is_broken_in_another_way_is_told_again()
    {
        await using ConfiguredApp app = await StartAsync(new ReplaceableConfiguration());

        foreach (string text in (string[])[Broken, "[]", Broken])
        {
            Exception? before = app.LastFailure;
            app.WriteText(text);
            await app.UntilAsync(() => app.LastFailure != before);
            app.Write(Settings("A", "B"));
            await app.UntilAsync(() => app.AddressOf("B") is not null);
            app.Write(Settings("A"));
            await app.UntilAsync(() => app.AddressOf("B") is null);
        }

        Assert.Equal(3, app.Logs.GetSnapshot().Count(record => record.Level >= LogLevel.Error));
    }

    private static object Settings(params string[] endpoints)
        => new { SocketServer = new { Endpoints = endpoints.ToDictionary(name => name, _ => new { Url = "127.0.0.1:0" }) } };

    private static Task<ConfiguredApp> StartAsync(ReplaceableConfiguration other) => ConfiguredApp.StartAsync(Settings("A"), builder =>
    {
        builder.Configuration.Sources.Add(other);
        builder.Services.AddSocketServer(server =>
        {
            foreach (string name in (string[])["A", "B", "C"])
            {
                server.Endpoint(name).Optional().UseSocketHandler(connection => connection.Pipe(connection));
            }
        });
    });
}
