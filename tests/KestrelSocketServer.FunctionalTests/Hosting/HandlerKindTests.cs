using System.IO.Pipelines;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Hosting;

public sealed class HandlerKindTests
{
    [Fact]
    [Trait("Row", "H6")]
    public async Task On_the_own_Kestrel_of_the_application()
    {
        await using TestHost host = await TestHost.StartWebAsync(
            build: builder => builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0);
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseSocketHandler<EchoHandler>());
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseSocketHandler(connection => connection.Pipe(connection)));
            }),
            map: app => app.MapGet("/", () => "http"));
        string[] urls = [.. host.Web.Urls];
        using var http = new HttpClient();
        Assert.Equal("http", await http.GetStringAsync(new Uri(urls[0])).Soon());
        foreach (string url in urls[1..])
        {
            using RawClient client = await RawClient.ConnectAsync(new Uri(url).Authority);
            await EchoAsync(client);
        }
    }

    [Fact]
    [Trait("Row", "H6")]
    public async Task A_handler_of_Kestrel_that_knows_nothing_of_us()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => listen.UseSocketHandler<PlainHandler>());
        using RawClient client = await server.ConnectAsync();
        await EchoAsync(client);
    }

    [Fact]
    [Trait("Row", "H6")]
    [Trait("Row", "L4")]
    public async Task When_it_throws_the_server_tells_and_goes_on()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => listen.UseSocketHandler<PlainHandler>());
        var error = new TaskCompletionSource<SocketServerError>(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Server.Error += told => error.TrySetResult(told);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("!");
        SocketServerError fault = await error.Task.Soon();
        Assert.Equal(SocketServerErrorStage.Handler, fault.Stage);
        Assert.IsType<InvalidTimeZoneException>(fault.Exception);
        Assert.Equal(client.LocalAddress, fault.RemoteAddress);
        using RawClient next = await server.ConnectAsync();
        await EchoAsync(next);
    }

    [Fact]
    [Trait("Row", "H6")]
    public async Task A_reset_that_it_lets_through_is_no_error()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => listen.UseSocketHandler<PlainHandler>());
        PlainHandler.Done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (RawClient client = await server.ConnectAsync())
        {
            await EchoAsync(client);
            client.Reset();
        }

        await PlainHandler.Done.Task.Soon();
        await server.Host.StopAsync();
        Assert.Empty(server.Errors);
        LogAssert.NoWarnings(server.Host.Logs);
    }

    [Fact]
    [Trait("Row", "H6")]
    [Trait("Row", "H3")]
    public async Task Its_dependencies_are_injected_and_it_is_one_for_all_connections()
    {
        await using TestHost host = await TestHost.StartAsync(
            server => server
                .Listen("greeter", 0, listen => listen.UseSocketHandler<GreetingHandler>())
                .Listen("other", 0, listen => listen.UseSocketHandler(connection => connection.End())),
            services => services.AddSingleton<GreetingHandler>().AddSingleton("Hello").AddKeyedSingleton("sign", "!"));
        for (int i = 1; i < 3; i++)
        {
            using RawClient client = await RawClient.ConnectAsync(host.Server("greeter"));
            Assert.Equal($"Hello {i} of greeter beside {host.Server("other").Address}!", await client.ReceiveTextToEndAsync());
        }

        Assert.Equal(2, host.Services.GetRequiredService<GreetingHandler>().Count);
    }

    [Theory]
    [InlineData("class")]
    [InlineData("lambda")]
    [InlineData("task")]
    [Trait("Row", "H6")]
    public async Task Over_any_connection_builder(string kind)
    {
        await using ServiceProvider services = new ServiceCollection().AddLogging().BuildServiceProvider();
        var builder = new ConnectionBuilder(services);
        ConnectionDelegate run = (kind switch
        {
            "class" => builder.UseSocketHandler<EchoHandler>(),
            "lambda" => builder.UseSocketHandler(connection => connection.Pipe(connection)),
            _ => builder.UseSocketHandler(async connection =>
            {
                await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
                {
                    await connection.WriteAsync(chunk);
                }
            }),
        }).Build();
        var toServer = new Pipe();
        var toClient = new Pipe();
        var transport = new Duplex(toServer.Reader, toClient.Writer);
        var application = new Duplex(toClient.Reader, toServer.Writer);
        Task running = run(new DefaultConnectionContext("memory", transport, application));
        await toServer.Writer.WriteAsync("hello"u8.ToArray());
        await toServer.Writer.CompleteAsync();
        using var received = new MemoryStream();
        await toClient.Reader.CopyToAsync(received).Soon();
        Assert.Equal("hello", Encoding.UTF8.GetString(received.ToArray()));
        await running.Soon();
    }

    private static async Task EchoAsync(RawClient client)
    {
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class EchoHandler : SocketConnectionHandler
    {
        protected override void OnConnection(ISocketConnection connection) => connection.Pipe(connection);
    }

    private sealed class GreetingHandler(string greeting, [FromKeyedServices("sign")] string sign, [FromKeyedServices("other")] ISocketServer other) : SocketConnectionHandler
    {
        public int Count { get; private set; }

        protected override void OnConnection(ISocketConnection connection)
            => connection.End($"{greeting} {++Count} of {connection.Server!.Name} beside {other.Address}{sign}");
    }

    /// <summary>An echo on the pipe; throws at an exclamation mark.</summary>
    private sealed class PlainHandler : ConnectionHandler
    {
        public static TaskCompletionSource Done { get; set; } = new();

        public override async Task OnConnectedAsync(ConnectionContext connection)
        {
            try
            {
                ReadResult result;
                while (!(result = await connection.Transport.Input.ReadAsync()).IsCompleted)
                {
                    byte[] data = System.Buffers.BuffersExtensions.ToArray(result.Buffer);
                    connection.Transport.Input.AdvanceTo(result.Buffer.End);
                    if (data.Contains((byte)'!'))
                    {
                        throw new InvalidTimeZoneException();
                    }

                    await connection.Transport.Output.WriteAsync(data);
                }
            }
            finally
            {
                Done.TrySetResult();
            }
        }
    }
}
