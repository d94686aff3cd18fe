using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer.FunctionalTests.Configuration;

public sealed class ConfiguredEndpointTests
{
    [Fact]
    [Trait("Row", "K1")]
    public async Task An_endpoint_of_the_file_listens_and_its_handler_answers()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new { SocketServer = new { Endpoints = new { Echo = new { Url = "tcp://127.0.0.1:0" } } } },
            builder => builder.Services.AddSocketServer(server => server.Endpoint("echo").UseSocketHandler(connection => connection.Pipe(connection))));

        using TcpClient client = await app.ConnectAsync("Echo");
        Assert.Equal("hello", await ConfiguredApp.AskAsync(client, "hello"));
    }

    [Fact]
    [Trait("Row", "K1")]
    public async Task The_command_line_gives_an_address_and_prevails_over_the_file()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new { SocketServer = new { Endpoints = new { Echo = new { Url = "127.0.0.1:1" } } } },
            builder => builder.Services.AddSocketHandler<EchoHandler>("Echo"),
            "--SocketServer:Endpoints:Echo:Url=tcp://[::1]:0");

        Assert.StartsWith("[::1]:", app.AddressOf("echo"), StringComparison.Ordinal);
        using TcpClient client = await app.ConnectAsync("echo");
        Assert.Equal("over IPv6", await ConfiguredApp.AskAsync(client, "over IPv6"));
    }

    [Fact]
    [Trait("Row", "K1")]
    public async Task An_environment_variable_gives_an_address()
    {
        string prefix = $"T{Guid.NewGuid():N}_";
        Environment.SetEnvironmentVariable(prefix + "SocketServer__Endpoints__Echo__Url", "tcp://127.0.0.1:0");
        try
        {
            await using ConfiguredApp app = await ConfiguredApp.StartAsync(new { }, builder =>
            {
                builder.Configuration.AddEnvironmentVariables(prefix);
                builder.Services.AddSocketHandler<EchoHandler>("Echo");
            });

            using TcpClient client = await app.ConnectAsync("Echo");
            Assert.Equal("hello", await ConfiguredApp.AskAsync(client, "hello"));
        }
        finally
        {
            Environment.SetEnvironmentVariable(prefix + "SocketServer__Endpoints__Echo__Url", null);
        }
    }

    [Fact]
    [Trait("Row", "K1")]
    public async Task Another_section_can_hold_the_endpoints()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new { Devices = new { Endpoints = new { Gateway = new { Url = "0" } } } },
            builder => builder.Services.AddSocketServer(
                builder.Configuration.GetSection("Devices"), server => server.Endpoint("Gateway").UseSocketHandler(connection => connection.Pipe(connection))));

        using TcpClient client = await app.ConnectAsync("Gateway");
        Assert.Equal("hello", await ConfiguredApp.AskAsync(client, "hello"));
    }

    [Fact]
    [Trait("Row", "K1")]
    public async Task Defaults_hold_for_all_endpoints_and_an_endpoint_prevails_over_them()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new
            {
                SocketServer = new
                {
                    EndpointDefaults = new { Limits = new { WriteBufferSoftLimit = 10 } },
                    Endpoints = new
                    {
                        Small = new { Url = "0" },
                        Large = new { Url = "0", Limits = new { WriteBufferSoftLimit = 1000 } },
                    },
                },
            },
            builder => builder.Services.AddSocketServer(server =>
            {
                server.Endpoint("Small").UseSocketHandler(TellWhetherFull);
                server.Endpoint("Large").UseSocketHandler(TellWhetherFull);
            }));

        using TcpClient small = await app.ConnectAsync("Small");
        using TcpClient large = await app.ConnectAsync("Large");
        Assert.Equal("0123456789full", await ReadAllAsync(small));
        Assert.Equal("0123456789more", await ReadAllAsync(large));

        static void TellWhetherFull(ISocketConnection connection)
            => connection.End(connection.Write("0123456789") ? "more" : "full");
    }

    [Fact]
    [Trait("Row", "K1")]
    public async Task A_value_of_null_leaves_that_of_the_defaults_in_force()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new
            {
                SocketServer = new
                {
                    EndpointDefaults = new { Socket = new { KeepAliveTime = "00:01:00", Backlog = 9 } },
                    Endpoints = new { Echo = new { Url = "0", Socket = new { KeepAliveTime = (string?)null, Backlog = (int?)null } } },
                },
            },
            builder => builder.Services.AddSocketServer(server => server.Endpoint("Echo").UseSocketHandler(connection =>
            {
                Socket socket = connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
                connection.End(socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive) is 1 ? "probes" : "none");
            })));

        using TcpClient client = await app.ConnectAsync("Echo");
        Assert.Equal("probes", await ReadAllAsync(client));
    }

    [Fact]
    [Trait("Row", "K1")]
    [Trait("Row", "C28")]
    public async Task The_idle_timeout_holds_for_its_endpoint()
    {
        var error = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new { SocketServer = new { Endpoints = new { Echo = new { Url = "0", Limits = new { IdleTimeout = "00:00:00.1" } } } } },
            builder => builder.Services.AddSocketServer(server => server.Endpoint("Echo").UseSocketHandler(connection => connection.Error += error.SetResult)));

        using TcpClient client = await app.ConnectAsync("Echo");

        Assert.IsType<TimeoutException>(await error.Task.Soon());
        Assert.Equal("", await ReadAllAsync(client));
    }

    [Fact]
    [Trait("Row", "K5")]
    public async Task Code_prevails_over_the_options_of_configuration_which_prevails_over_the_address_of_code()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new { SocketServer = new { Endpoints = new { Echo = new { Url = "tcp://[::1]:0", Limits = new { WriteBufferSoftLimit = 10 } } } } },
            builder => builder.Services.AddSocketServer(server => server.Listen("Echo", "127.0.0.1:0", listen => Microsoft.AspNetCore.Hosting.ListenOptionsSocketServerExtensions.UseSocketHandler(
                listen,
                connection => connection.End(connection.Write("0123456789") ? "more" : "full"),
                options => options.WriteBufferSoftLimit = 1000))));

        Assert.StartsWith("[::1]:", app.AddressOf("Echo"), StringComparison.Ordinal);
        using TcpClient client = await app.ConnectAsync("Echo");
        Assert.Equal("0123456789more", await ReadAllAsync(client));
    }

    [Fact]
    [Trait("Row", "K5")]
    public async Task Optional_endpoints_and_disabled_ones_do_not_listen()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new
            {
                SocketServer = new
                {
                    Endpoints = new
                    {
                        Echo = new { Url = "0" },
                        Off = new { Url = "0", Enabled = false },
                        Unused = new { Url = "0", Optional = true },
                    },
                },
            },
            builder => builder.Services.AddSocketServer(server =>
            {
                server.Endpoint("Echo").UseSocketHandler(connection => connection.Pipe(connection));
                server.Endpoint("Off").UseSocketHandler(connection => connection.Pipe(connection));
                server.Endpoint("Missing").Optional().UseSocketHandler(connection => connection.Pipe(connection));
            }));

        Assert.Equal("Echo", Assert.Single(app.Servers, server => server.Address is not null).Name);
    }

    [Theory]
    [Trait("Row", "K5")]
    [InlineData("Echo", "Other", "Endpoint 'Other' has a handler but no address")]
    [InlineData("Echo", null, "Endpoint 'Echo' has no handler")]
    public async Task An_endpoint_without_handler_or_a_handler_without_endpoint_fails_the_start(string endpoint, string? handler, string message)
    {
        var settings = new { SocketServer = new { Endpoints = new Dictionary<string, object> { [endpoint] = new { Url = "0" } } } };

        Exception exception = await Assert.ThrowsAnyAsync<Exception>(() => ConfiguredApp.StartAsync(settings, builder =>
            builder.Services.AddSocketServer(server =>
            {
                if (handler is not null)
                {
                    server.Endpoint(endpoint).UseSocketHandler(connection => connection.Pipe(connection));
                    server.Endpoint(handler).UseSocketHandler(connection => connection.Pipe(connection));
                }
            })));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "K2")]
    public async Task Every_mistake_is_told_at_once_with_its_path_its_value_and_what_is_allowed()
    {
        var settings = new
        {
            SocketServer = new
            {
                ShutdownTimeout = "soon",
                EndpointDefaults = new { Socket = new { Backlog = 0 } },
                Endpoints = new
                {
                    Chat = new { Url = "localhost:80" },
                    Echo = new { Url = "127.0.0.1:0", Socket = new { NoDelay = "perhaps", KeepAliveTime = "00:00:00.5" }, Limits = new { IdleTimeout = "00:00:00" } },
                },
            },
        };

        OptionsValidationException exception = await Assert.ThrowsAsync<OptionsValidationException>(
            () => ConfiguredApp.StartAsync(settings, builder => builder.Services.AddSocketServer()));

        Assert.Equal(
            [
                "SocketServer:EndpointDefaults:Socket:Backlog: '0' is not allowed; write a whole number from 1 to 2147483647",
                "SocketServer:Endpoints:Chat:Url: 'localhost:80' is a host name; write an IP address such as '127.0.0.1:80'",
                "SocketServer:Endpoints:Echo:Limits:IdleTimeout: '00:00:00' is not allowed; write a time of at least 00:00:00.0010000, as hours:minutes:seconds",
                "SocketServer:Endpoints:Echo:Socket:KeepAliveTime: '00:00:00.5' is not allowed; write a time of at least 00:00:01, as hours:minutes:seconds",
                "SocketServer:Endpoints:Echo:Socket:NoDelay: 'perhaps' is not a switch; write true or false",
                "SocketServer:ShutdownTimeout: 'soon' is not allowed; write a time of at least 00:00:00, as hours:minutes:seconds",
            ],
            exception.Failures.Order());
    }

    [Fact]
    [Trait("Row", "A15")]
    [Trait("Row", "K3")]
    public async Task A_key_that_nobody_knows_has_no_effect_and_is_told_once_with_the_nearest_known_one()
    {
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new
            {
                SocketServer = new
                {
                    ShutdownTimeuot = "00:00:01",
                    Endpoints = new { Echo = new { Url = "0", Backlog = 5, Socket = new { Baklog = 7 }, Colour = "green" } },
                },
            },
            builder => builder.Services.AddSocketHandler<EchoHandler>("Echo"));

        using TcpClient client = await app.ConnectAsync("Echo");
        Assert.Equal("hello", await ConfiguredApp.AskAsync(client, "hello"));
        Assert.Equal(
            [
                "Configuration key SocketServer:Endpoints:Echo:Backlog is not known and has no effect; did you mean SocketServer:Endpoints:Echo:Socket:Backlog?",
                "Configuration key SocketServer:Endpoints:Echo:Colour is not known and has no effect.",
                "Configuration key SocketServer:Endpoints:Echo:Socket:Baklog is not known and has no effect; did you mean SocketServer:Endpoints:Echo:Socket:Backlog?",
                "Configuration key SocketServer:ShutdownTimeuot is not known and has no effect; did you mean SocketServer:ShutdownTimeout?",
            ],
            app.Logs.GetSnapshot().Where(log => log.Level == LogLevel.Warning).Select(log => log.Message).Order());
    }

    [Theory]
    [InlineData(null, "true", true)]
    [InlineData("true", null, false)]
    [InlineData("true", "false", true)]
    [Trait("Row", "K24")]
    public async Task A_key_that_has_a_new_name_goes_on_working_and_the_new_name_is_logged(string? newKey, string? earlierKey, bool isLogged)
    {
        var ended = new TaskCompletionSource<ISocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new
            {
                SocketServer = new
                {
                    Endpoints = new { Echo = new { Url = "0", AllowHalfOpen = newKey, Limits = new { AllowHalfOpen = earlierKey } } },
                },
            },
            builder => builder.Services.AddSocketServer(server => server.Endpoint("Echo").UseSocketHandler(
                connection => connection.Ended += () => ended.SetResult(connection))));

        using TcpClient client = await app.ConnectAsync("Echo");
        Task<string> reading = ReadAllAsync(client);
        client.Client.Shutdown(SocketShutdown.Send);
        ISocketConnection connection = await ended.Task.Soon();
        Assert.True(connection.Write("late"));
        connection.End();

        Assert.Equal("late", await reading);
        Assert.Equal(
            isLogged
                ? ["Configuration key SocketServer:Endpoints:Echo:Limits:AllowHalfOpen has a new name, and still works: write SocketServer:Endpoints:Echo:AllowHalfOpen."]
                : [],
            app.Logs.GetSnapshot().Where(log => log.Level == LogLevel.Warning).Select(log => log.Message));
    }

    private static async Task<string> ReadAllAsync(TcpClient client)
    {
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30));
    }
}

public sealed class EchoHandler : SocketConnectionHandler
{
    protected override void OnConnection(ISocketConnection connection) => connection.Pipe(connection);
}
