using System.Net;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Hosting;

public sealed class HttpBesideTests
{
    [Theory]
    [InlineData("--urls", "http://127.0.0.1:0")]
    [InlineData("--Kestrel:Endpoints:Web:Url", "http://127.0.0.1:0")]
    [Trait("Row", "H1")]
    public async Task The_urls_of_HTTP_stay_as_they_are(params string[] arguments)
    {
        await using TestHost host = await StartAsync(arguments, _ => { });
        string url = Assert.Single(host.Web.Urls);
        Assert.StartsWith("http://127.0.0.1:", url, StringComparison.Ordinal);
        using var http = new HttpClient();
        Assert.Equal(host.Server("echo").Address, await http.GetStringAsync(new Uri(url)).Soon());
        await EchoAsync(host);

        // Kestrel warns when one way to give urls overrides another.
        LogAssert.NoWarnings(host.Logs);
    }

    [Fact]
    [Trait("Row", "H1")]
    public async Task The_urls_of_the_environment_stay_as_they_are()
    {
        using ChildProcess child = ChildProcess.StartWith(new() { ["ASPNETCORE_URLS"] = "http://127.0.0.1:0;http://[::1]:0" }, "web");
        string[] urls = (await child.ReadLineAsync()).Split(' ');
        using RawClient client = await RawClient.ConnectAsync(await child.ReadLineAsync());
        Assert.Equal(2, urls.Length);
        using var http = new HttpClient();
        foreach (string url in urls)
        {
            Assert.Equal("http", await http.GetStringAsync(new Uri(url)).Soon());
        }

        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    [Fact]
    [Trait("Row", "H1")]
    public async Task Endpoints_of_HTTP_in_code_stay_as_they_are()
    {
        await using TestHost host = await StartAsync([], builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0)));
        using var http = new HttpClient();
        Assert.Equal(host.Server("echo").Address, await http.GetStringAsync(new Uri(Assert.Single(host.Web.Urls))).Soon());
        await EchoAsync(host);
    }

    [Fact]
    [Trait("Row", "H1")]
    public async Task HTTP_in_memory_and_real_sockets()
    {
        await using TestHost host = await StartAsync([], builder => builder.WebHost.UseTestServer());
        using HttpClient http = host.Web.GetTestClient();
        Assert.Equal(host.Server("echo").Address, await http.GetStringAsync(new Uri("/", UriKind.Relative)).Soon());
        await EchoAsync(host);
    }

    [Fact]
    [Trait("Row", "H2")]
    public async Task A_worker_needs_no_web_server()
    {
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("echo", 0, Echo));
        Assert.Null(host.Services.GetService<Microsoft.AspNetCore.Hosting.Server.IServer>());
        await EchoAsync(host);
    }

    [Fact]
    [Trait("Row", "H2")]
    public async Task Endpoints_of_several_calls_add_up()
    {
        await using TestHost host = await TestHost.StartAsync(
            server => server.Listen("echo", 0, Echo), services => services.AddSocketServer(server => server.Listen("more", 0, Echo)));
        Assert.Equal(["echo", "more"], host.Servers.Select(server => server.Name));
        await EchoAsync(host);
    }

    private static Task<TestHost> StartAsync(string[] arguments, Action<WebApplicationBuilder> build)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Testing", Args = arguments });
        TestHost.Collect(builder.Logging);
        builder.WebHost.UseSocketServer(server => server.Listen("echo", 0, Echo));
        build(builder);
        WebApplication app = builder.Build();
        app.MapGet("/", ([FromKeyedServices("echo")] ISocketServer echo) => echo.Address);
        return TestHost.StartAsync(app);
    }

    private static async Task EchoAsync(TestHost host)
    {
        using RawClient client = await RawClient.ConnectAsync(host.Server("echo"));
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));
}
