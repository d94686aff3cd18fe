using System.Threading.Channels;
using KestrelSocketServer.FunctionalTests.Configuration;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

[Trait("Row", "D10")]
public sealed class LoggerFaultTests
{
    private const string Library = "KestrelSocketServer";

    // The library's own for TLS, in a host that has no other.
    private const string Kestrel = "Microsoft.AspNetCore.Server.Kestrel";

    public static TheoryData<LoggingFault, bool> Faults
    {
        get
        {
            var data = new TheoryData<LoggingFault, bool>();
            foreach (LoggingFault fault in Enum.GetValues<LoggingFault>())
            {
                data.Add(fault, false);
                data.Add(fault, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_logger_that_throws_reaches_no_connection_and_no_server(LoggingFault fault, bool isTls)
    {
        // The loggers that Kestrel has injected, rather than created, are the application's.
        var logging = fault == LoggingFault.Create ? new FaultyLogging(fault, Library) : new FaultyLogging(fault, Library, Kestrel);
        TestTransport transport = isTls ? TestTransport.Tls : TestTransport.Plain;
        Channel<ISocketConnection> closed = Channel.CreateUnbounded<ISocketConnection>();
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("test", 0, Listen), services => Log(services, logging));
        ISocketServer server = host.Server("test");

        using (RawClient client = await RawClient.ConnectAsync(server, transport))
        {
            await AssertEchoAsync(client);
        }

        Assert.Equal(SocketCloseReason.PeerEnded, await ReasonAsync());
        using (RawClient client = await RawClient.ConnectAsync(server, transport))
        {
            await client.SendAsync("throw");
            Assert.Equal(SocketCloseReason.HandlerFault, await ReasonAsync());
        }

        server.PauseAccepting();
        server.ResumeAccepting();
        ISocketServer late = await host.Servers.ListenAsync("late", "127.0.0.1:0", Listen);
        using (RawClient client = await RawClient.ConnectAsync(late, transport))
        {
            await AssertEchoAsync(client);
            await host.Servers.CloseAsync("late");
            await AssertEchoAsync(client);
        }

        Assert.Equal(SocketCloseReason.PeerEnded, await ReasonAsync());
        using RawClient last = await RawClient.ConnectAsync(server, transport);
        await AssertEchoAsync(last);
        await host.StopAsync();
        Assert.Equal(SocketCloseReason.Shutdown, await ReasonAsync());
        Assert.NotEqual(0, logging.Faults);

        async Task<SocketCloseReason?> ReasonAsync() => (await closed.Reader.ReadAsync().Soon()).CloseReason;

        void Listen(ListenOptions listen)
        {
            transport.Configure(listen);
            listen.UseSocketHandler(connection =>
            {
                connection.Closed += () => closed.Writer.TryWrite(connection);
                connection.Data += chunk =>
                {
                    if (chunk.SequenceEqual("throw"u8))
                    {
                        throw new InvalidOperationException("A fault of the handler.");
                    }

                    connection.Write(chunk);
                };
            });
        }
    }

    [Theory]
    [InlineData(LoggingFault.Create)]
    [InlineData(LoggingFault.IsEnabled)]
    [InlineData(LoggingFault.Log)]
    public async Task A_logger_that_throws_ends_no_reload(LoggingFault fault)
    {
        var source = new ReplaceableConfiguration();
        source.Replace(new() { ["SocketServer:Endpoints:A:Url"] = "127.0.0.1:0" });
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        TestHost.Collect(builder.Logging);
        Log(builder.Services, new FaultyLogging(fault, Library));
        builder.Configuration.Sources.Add(source);
        builder.Services.AddSocketServer(server =>
        {
            server.Endpoint("A").UseSocketHandler(connection => connection.Pipe(connection));
            server.Endpoint("B").Optional().UseSocketHandler(connection => connection.Pipe(connection));
        });
        using IHost built = builder.Build();
        await built.StartAsync().Soon();
        ISocketServers servers = built.Services.GetRequiredService<ISocketServers>();
        Channel<string> outcomes = Channel.CreateUnbounded<string>();
        servers.Reloaded += () => outcomes.Writer.TryWrite("reloaded");
        servers.ReloadFailed += exception => outcomes.Writer.TryWrite(exception.GetType().Name);

        source.Replace(new() { ["SocketServer:Endpoints:A:Url"] = "nowhere:1" });
        Assert.Equal("OptionsValidationException", await outcomes.Reader.ReadAsync().Soon());
        source.Replace(new()
        {
            ["SocketServer:Endpoints:A:Url"] = "127.0.0.1:0",
            ["SocketServer:Endpoints:A:Socket:Bcklog"] = "1",
            ["SocketServer:Endpoints:B:Url"] = "127.0.0.1:0",
        });
        Assert.Equal("reloaded", await outcomes.Reader.ReadAsync().Soon());

        using RawClient client = await RawClient.ConnectAsync(servers.Single(server => server.Name == "B"));
        await AssertEchoAsync(client);
        await built.StopAsync().Soon();
    }

    [Theory]
    [InlineData(LoggingFault.IsEnabled)]
    [InlineData(LoggingFault.Log)]
    public async Task On_the_own_Kestrel_of_the_application_a_logger_that_throws_reaches_no_connection(LoggingFault fault)
    {
        Channel<ISocketConnection> closed = Channel.CreateUnbounded<ISocketConnection>();
        await using TestHost host = await HandlerPlace.OwnKestrel.StartAsync(
            connection =>
            {
                connection.Closed += () => closed.Writer.TryWrite(connection);
                connection.Pipe(connection);
                return Task.CompletedTask;
            },
            services: services => Log(services, new FaultyLogging(fault, Library)));

        using (RawClient client = await HandlerPlace.OwnKestrel.ConnectAsync(host))
        {
            await AssertEchoAsync(client);
        }

        Assert.Equal(SocketCloseReason.PeerEnded, (await closed.Reader.ReadAsync().Soon()).CloseReason);
    }

    [Fact]
    public async Task What_the_logger_threw_is_written_to_the_standard_error_once()
    {
        using ChildProcess child = ChildProcess.Start("mute");
        string address = await child.ReadLineAsync();
        using RawClient client = await RawClient.ConnectAsync(address);
        await AssertEchoAsync(client);

        await child.SignalAsync("TERM");

        (int exitCode, string errors) = await child.WaitForExitAsync();
        Assert.Equal(0, exitCode);
        Assert.StartsWith("KestrelSocketServer: a logger threw; log lines are missing from here on. ", errors, StringComparison.Ordinal);
        Assert.Contains("The disk is full.", errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n'), line => line.Contains("a logger threw", StringComparison.Ordinal));
    }

    private static void Log(IServiceCollection services, FaultyLogging logging)
        => services.AddLogging(builder => builder
            .AddProvider(logging)
            .SetMinimumLevel(LogLevel.Trace)

            // It would be asked first, and then nobody else.
            .AddFilter<FakeLoggerProvider>("", LogLevel.None));

    private static async Task AssertEchoAsync(RawClient client)
    {
        await client.SendAsync("there and back");
        Assert.Equal("there and back", await client.ReceiveTextAsync(14));
    }
}
