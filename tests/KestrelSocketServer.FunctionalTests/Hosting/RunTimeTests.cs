using System.Net;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Hosting;

public sealed class RunTimeTests
{
    [Fact]
    [Trait("Row", "H3")]
    public async Task Servers_come_and_go_while_the_host_runs()
    {
        await using TestHost host = await TestHost.StartAsync();
        Assert.Empty(host.Servers);
        ISocketServer server = await host.Servers.ListenAsync("echo", "[::1]:0", Echo);
        Assert.Same(server, host.Server("echo"));
        Assert.Same(server, Assert.Single(host.Servers));
        Assert.True(host.Servers.TryGet("ECHO", out ISocketServer? found));
        Assert.Same(server, found);
        await EchoAsync(server);
        EndPoint endPoint = server.EndPoint!;
        await host.Servers.CloseAsync("echo");
        await Tcp.AssertRefusedAsync(endPoint);
        Assert.Null(server.Address);
    }

    [Fact]
    [Trait("Row", "H3")]
    public async Task Listening_again_keeps_the_subscriptions()
    {
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("echo", 0, Echo));
        ISocketServer server = host.Server("echo");
        int connections = 0;
        server.Connection += _ => Interlocked.Increment(ref connections);
        await EchoAsync(server);
        string address = server.Address!;
        await server.CloseAsync();
        Assert.Same(server, await host.Servers.ListenAsync("Echo", address, Echo));
        Assert.Equal(address, server.Address);
        await EchoAsync(server);
        Assert.Equal(2, connections);
    }

    [Fact]
    [Trait("Row", "H3")]
    [Trait("Row", "H5")]
    public async Task A_name_that_listens_is_taken()
    {
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("echo", 0, Echo));
        string address = host.Server("echo").Address!;
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(() => host.Servers.ListenAsync("ECHO", "0", Echo));
        Assert.Equal($"Endpoint 'ECHO' is listening on {address} already; close it first.", exception.Message);
        await EchoAsync(host.Server("echo"));
    }

    [Fact]
    [Trait("Row", "H3")]
    public async Task From_many_threads_at_once()
    {
        await using TestHost host = await TestHost.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(turn => Task.Run(async () =>
        {
            for (int i = 0; i < 10; i++)
            {
                string name = $"server {turn}";
                ISocketServer server = await host.Servers.ListenAsync(name, "0", Echo);
                await EchoAsync(server);
                await Task.WhenAll(server.CloseAsync(), host.Servers.CloseAsync(name));

                // Not on the port that it had: others may have got that by now.
                await host.Servers.ListenAsync(name, "0", Echo);
                await EchoAsync(server);
                await server.CloseAsync();
            }
        })));
        Assert.All(host.Servers, server => Assert.Null(server.Address));
    }

    [Fact]
    [Trait("Row", "H3")]
    public async Task One_of_many_gets_a_name()
    {
        await using TestHost host = await TestHost.StartAsync();
        Task<ISocketServer>[] attempts = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(() => host.Servers.ListenAsync("echo", "0", Echo)))];
        await Task.WhenAll(attempts.Select(attempt => attempt.ContinueWith(static _ => { }, TaskScheduler.Default))).Soon();
        Assert.Equal(1, attempts.Count(attempt => attempt.IsCompletedSuccessfully));
        Assert.All(attempts.Where(attempt => attempt.IsFaulted), attempt => Assert.IsType<InvalidOperationException>(attempt.Exception!.InnerException));
        await EchoAsync(host.Server("echo"));
    }

    [Fact]
    [Trait("Row", "H3")]
    public async Task A_subscriber_of_the_connection_event_makes_a_handler_unnecessary()
    {
        await using TestHost host = await TestHost.StartAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.Servers.ListenAsync("bare", "0", _ => { }));
        Assert.True(host.Servers.TryGet("bare", out ISocketServer? server));
        server.Connection += connection => connection.End("hello");
        await host.Servers.ListenAsync("bare", "0", _ => { });
        using RawClient client = await RawClient.ConnectAsync(server);
        Assert.Equal("hello", await client.ReceiveTextToEndAsync());
    }

    [Fact]
    [Trait("Row", "H3")]
    public async Task Nothing_listens_once_the_host_has_stopped()
    {
        await using TestHost host = await TestHost.StartAsync();
        ISocketServers servers = host.Servers;
        ISocketServer server = await servers.ListenAsync("echo", "0", Echo);
        EndPoint endPoint = server.EndPoint!;
        await host.StopAsync();
        await Tcp.AssertRefusedAsync(endPoint);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => servers.ListenAsync("late", "0", Echo));
    }

    [Fact]
    [Trait("Row", "H3")]
    public async Task A_name_that_is_not_known()
    {
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("echo", 0, Echo));
        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => host.Server("ecko"));
        Assert.Equal("There is no endpoint 'ecko'. Known are: echo.", exception.Message);
    }

    [Fact]
    [Trait("Row", "L11")]
    [Trait("Row", "H3")]
    public async Task Another_implementation_can_take_the_place_of_a_server()
    {
        var fake = new FakeServer();
        await using TestHost host = await TestHost.StartAsync(
            server => server.Listen("echo", 0, Echo),
            services => services.AddKeyedSingleton<ISocketServer>("gateway", fake).AddSingleton<Consumer>());
        Consumer consumer = host.Services.GetRequiredService<Consumer>();
        Assert.Same(fake, consumer.Gateway);
        Assert.Same(host.Server("echo"), consumer.Echo);
        fake.RaiseError(new SocketServerError(SocketServerErrorStage.Accept, new InvalidTimeZoneException()));
        Assert.Equal(1, consumer.Errors);
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));

    private static async Task EchoAsync(ISocketServer server)
    {
        using RawClient client = await RawClient.ConnectAsync(server);
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    private sealed class Consumer
    {
        public Consumer([FromKeyedServices("gateway")] ISocketServer gateway, [FromKeyedServices("echo")] ISocketServer echo)
        {
            Gateway = gateway;
            Echo = echo;
            gateway.Error += _ => Errors++;
        }

        public ISocketServer Gateway { get; }

        public ISocketServer Echo { get; }

        public int Errors { get; private set; }
    }
}
