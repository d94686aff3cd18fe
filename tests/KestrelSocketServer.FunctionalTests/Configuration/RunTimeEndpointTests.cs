using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Configuration;

public sealed class RunTimeEndpointTests
{
    private static readonly Action<ListenOptions> Echo = listen => listen.UseSocketHandler(connection => connection.Pipe(connection));

    [Fact]
    [Trait("Row", "K6")]
    [Trait("Row", "H3")]
    public async Task An_endpoint_that_code_opened_is_not_touched_by_changes_of_the_configuration()
    {
        await using ConfiguredApp app = await StartAsync(new { Echo = new { Url = "0" } });
        ISocketServer debug = await app.Servers.ListenAsync("debug", "127.0.0.1:0", Echo);
        using TcpClient client = await app.ConnectAsync("debug");

        app.Write(Settings(new { Other = new { Url = "0" } }));
        await app.UntilAsync(() => app.AddressOf("Other") is not null && app.AddressOf("Echo") is null);

        Assert.NotNull(debug.Address);
        Assert.Equal("still", await ConfiguredApp.AskAsync(client, "still"));
        await app.Servers.CloseAsync("debug");
        Assert.Null(debug.Address);
        Assert.Equal("lives on", await ConfiguredApp.AskAsync(client, "lives on"));
    }

    [Fact]
    [Trait("Row", "K6")]
    public async Task An_endpoint_of_the_configuration_that_code_closed_stays_closed_until_its_configuration_changes()
    {
        await using ConfiguredApp app = await StartAsync(new { Echo = new { Url = "0" } });
        await app.Servers.CloseAsync("Echo");

        app.Write(Settings(new { Echo = new { Url = "0" }, Other = new { Url = "0" } }));
        await app.UntilAsync(() => app.AddressOf("Other") is not null);
        Assert.Null(app.AddressOf("Echo"));

        app.Write(Settings(new { Echo = new { Url = "127.0.0.1:0" }, Other = new { Url = "0" } }));
        await app.UntilAsync(() => app.AddressOf("Echo") is not null);
        using TcpClient client = await app.ConnectAsync("Echo");
        Assert.Equal("open again", await ConfiguredApp.AskAsync(client, "open again"));
    }

    [Fact]
    [Trait("Row", "K6")]
    public async Task Endpoints_open_and_close_on_many_threads_while_the_configuration_changes()
    {
        await using ConfiguredApp app = await StartAsync(new { Echo = new { Url = "0" } });
        using TcpClient client = await app.ConnectAsync("Echo");

        await Parallel.ForEachAsync(Enumerable.Range(0, 40), async (i, cancellationToken) =>
        {
            string name = $"debug{i % 8}-{i}";
            ISocketServer server = await app.Servers.ListenAsync(name, "127.0.0.1:0", Echo, cancellationToken);
            using var own = new TcpClient();
            await own.ConnectAsync((IPEndPoint)server.EndPoint!, cancellationToken);
            Assert.Equal(name, await ConfiguredApp.AskAsync(own, name));
            if (i % 2 == 0)
            {
                await app.Servers.CloseAsync(name, cancellationToken);
            }

            if (i % 10 == 0)
            {
                app.Write(Settings(new { Echo = new { Url = "0" }, Other = new { Url = "0", Socket = new { Backlog = i + 1 } } }));
            }
        });
        await app.UntilAsync(() => app.AddressOf("Other") is not null);

        Assert.Equal(20, app.Servers.Count(server => server.Name.StartsWith("debug", StringComparison.Ordinal) && server.Address is not null));
        Assert.Equal("unharmed", await ConfiguredApp.AskAsync(client, "unharmed"));
    }

    private static object Settings(object endpoints) => new { SocketServer = new { Endpoints = endpoints } };

    private static Task<ConfiguredApp> StartAsync(object endpoints) => ConfiguredApp.StartAsync(Settings(endpoints), builder =>
        builder.Services.AddSocketServer(server =>
        {
            server.Endpoint("Echo").Optional().UseSocketHandler(connection => connection.Pipe(connection));
            server.Endpoint("Other").Optional().UseSocketHandler(connection => connection.Pipe(connection));
        }));
}
