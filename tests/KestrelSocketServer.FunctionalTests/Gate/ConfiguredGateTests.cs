using System.Net;
using KestrelSocketServer.FunctionalTests.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer.FunctionalTests.Gate;

public sealed class ConfiguredGateTests
{
    [Fact]
    [Trait("Row", "G1")]
    [Trait("Row", "G5")]
    [Trait("Row", "K2")]
    public async Task Limits_and_lists_come_from_configuration_where_an_endpoints_list_replaces_that_of_the_defaults()
    {
        await using ConfiguredApp app = await StartAsync(new
        {
            EndpointDefaults = new { Limits = new { MaxConcurrentConnections = 1, ConnectionsPerSecondPerAddress = 0.5 }, Access = new { Deny = new[] { "127.0.0.2", "127.0.0.3" } } },
            Endpoints = new
            {
                A = new { Url = "0" },
                B = new { Url = "0", Limits = (object)new { MaxConcurrentConnections = 2, ConnectionsPerSecondPerAddressBurst = 10 }, Access = new { Deny = new[] { "127.0.0.4" } } },
            },
        });
        await GateServer.AssertRefusedAsync(EndPointOf(app, "A"), "127.0.0.2");
        await GateServer.AssertRefusedAsync(EndPointOf(app, "B"), "127.0.0.4");
        using RawClient a = await GateServer.ServeAsync(EndPointOf(app, "A"));
        await GateServer.AssertRefusedAsync(EndPointOf(app, "A"), "127.0.0.5");
        using RawClient first = await GateServer.ServeAsync(EndPointOf(app, "B"), "127.0.0.2");
        using RawClient second = await GateServer.ServeAsync(EndPointOf(app, "B"), "127.0.0.2");
        await GateServer.AssertRefusedAsync(EndPointOf(app, "B"), "127.0.0.2");
    }

    [Fact]
    [Trait("Row", "G8")]
    [Trait("Row", "K4")]
    public async Task A_lowered_limit_closes_nobody_and_a_raised_one_lets_those_that_wait_in()
    {
        await using ConfiguredApp app = await StartAsync(Settings(2));
        EndPoint endPoint = EndPointOf(app, "A");
        using RawClient first = await GateServer.ServeAsync(endPoint);
        using RawClient second = await GateServer.ServeAsync(endPoint);

        await ApplyAsync(app, Settings(1));
        await GateServer.AssertServedAsync(first);
        await GateServer.AssertServedAsync(second);
        using RawClient third = await GateServer.ConnectAsync(endPoint);
        using RawClient fourth = await GateServer.ConnectAsync(endPoint);
        await third.SendAsync("3");
        await fourth.SendAsync("4");
        await GateServer.AssertServedAsync(first);

        await ApplyAsync(app, Settings(4));
        Assert.Equal("3", await third.ReceiveTextAsync(1));
        Assert.Equal("4", await fourth.ReceiveTextAsync(1));

        static object Settings(int max) => new { Endpoints = new { A = new { Url = "0", Limits = new { MaxConcurrentConnections = max, WhenFull = "Wait" } } } };
    }

    [Fact]
    [Trait("Row", "G8")]
    [Trait("Row", "K4")]
    public async Task What_is_counted_outlives_a_change_of_the_limits_and_of_the_address()
    {
        await using ConfiguredApp app = await StartAsync(new { Endpoints = new { A = new { Url = "0" } } });
        using RawClient first = await GateServer.ServeAsync(EndPointOf(app, "A"));
        string? address = app.AddressOf("A");

        await ApplyAsync(app, new { Endpoints = new { A = new { Url = "[::]:0", Limits = new { MaxConnectionsPerAddress = 1 } } } });
        await app.UntilAsync(() => app.AddressOf("A") != address);
        var endPoint = new IPEndPoint(IPAddress.Loopback, app.PortOf("A"));
        await GateServer.AssertRefusedAsync(endPoint);
        using RawClient other = await GateServer.ServeAsync(endPoint, "127.0.0.2");
        await GateServer.AssertServedAsync(first);
    }

    [Theory]
    [InlineData("Limits:MaxConcurrentConnections", "0", "'0' is not allowed; write a whole number from 1 to 2147483647")]
    [InlineData("Limits:MaxConnectionsPerAddress", "many", "'many' is not allowed; write a whole number from 1 to 2147483647")]
    [InlineData("Limits:WhenFull", "Queue", "'Queue' is not known; write a name such as Refuse, Wait")]
    [InlineData("Limits:AddressPrefixLength", "129", "'129' is not allowed; write a whole number from 1 to 128")]
    [InlineData("Limits:ConnectionsPerSecond", "0", "'0' is not allowed; write a number of more than 0, up to 1000000, such as 100 or 0.5")]
    [InlineData("Limits:ConnectionsPerSecondPerAddress", "NaN", "'NaN' is not allowed; write a number of more than 0")]
    [InlineData("Limits:ConnectionsPerSecondBurst", "-1", "'-1' is not allowed; write a whole number from 1")]
    [InlineData("Limits:ConnectionsPerSecondPerAddressBurst", "1.5", "'1.5' is not allowed; write a whole number from 1")]
    [InlineData("Limits:MaxConcurrentHandshakes", "0", "'0' is not allowed; write a whole number from 1")]
    [InlineData("Limits:DryRun", "yes", "'yes' is not a switch; write true or false")]
    [InlineData("Access:Allow:0", "10.0.0.1/8", "'10.0.0.1/8' has an address with bits beyond its first 8; write 10.0.0.0/8, or the address alone")]
    [InlineData("Access:Deny:3", "example.com", "'example.com' is not allowed; write a network such as 10.0.0.0/8 or 2001:db8::/32, or an address such as 192.0.2.1")]
    [Trait("Row", "K3")]
    public async Task Every_mistake_is_told_with_its_key_its_value_and_what_is_allowed(string key, string value, string expected)
    {
        OptionsValidationException exception = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(
            new { Endpoints = new { A = new { Url = "0" } } }, $"--SocketServer:Endpoints:A:{key}={value}", $"--SocketServer:EndpointDefaults:{key}={value}"));
        Assert.Contains($"SocketServer:Endpoints:A:{key}: {expected}", exception.Message, StringComparison.Ordinal);
        Assert.Contains($"SocketServer:EndpointDefaults:{key}: {expected}", exception.Message, StringComparison.Ordinal);
    }

    private static Task<ConfiguredApp> StartAsync(object settings, params string[] args) => ConfiguredApp.StartAsync(
        new { SocketServer = settings },
        builder => builder.Services.AddSocketServer(server =>
        {
            server.Endpoint("A").UseSocketHandler(connection => connection.Pipe(connection)).Optional();
            server.Endpoint("B").UseSocketHandler(connection => connection.Pipe(connection)).Optional();
        }),
        args);

    private static async Task ApplyAsync(ConfiguredApp app, object settings)
    {
        var applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Servers.Reloaded += () => applied.TrySetResult();
        app.Write(new { SocketServer = settings });
        await applied.Task.Soon();
    }

    private static IPEndPoint EndPointOf(ConfiguredApp app, string name) => IPEndPoint.Parse(app.AddressOf(name)!);
}
