using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class SocketServerTests
{
    [Fact]
    [Trait("Row", "L1")]
    public async Task The_connection_event_fires_once_per_connection()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        var connections = Channel.CreateUnbounded<ISocketConnection>();
        server.Server.Connection += connection => connections.Writer.TryWrite(connection);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("x");
        await client.ReceiveExactlyAsync(1);
        Assert.Same(await server.AcceptedAsync(), await connections.Reader.ReadAsync().Soon());
        Assert.False(connections.Reader.TryRead(out _));
    }

    [Fact]
    [Trait("Row", "L1")]
    public async Task With_TLS_it_fires_once_the_handshake_is_complete()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), TestTransport.Tls);
        var connections = Channel.CreateUnbounded<ISocketConnection>();
        server.Server.Connection += connection => connections.Writer.TryWrite(connection);
        using RawClient stalled = await RawClient.ConnectAsync(server.Server);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("x");
        await client.ReceiveExactlyAsync(1);
        Assert.Equal(client.LocalAddress, (await connections.Reader.ReadAsync().Soon()).RemoteAddress);
        Assert.False(connections.Reader.TryRead(out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "L2")]
    public async Task It_fires_for_a_client_that_leaves_at_once(bool reset)
    {
        var closed = Channel.CreateUnbounded<string>();
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Closed += () => closed.Writer.TryWrite(connection.Id));
        var connections = Channel.CreateUnbounded<ISocketConnection>();
        server.Server.Connection += connection => connections.Writer.TryWrite(connection);
        using (RawClient client = await server.ConnectAsync())
        {
            if (reset)
            {
                client.Reset();
            }
        }

        Assert.Equal((await connections.Reader.ReadAsync().Soon()).Id, await closed.Reader.ReadAsync().Soon());
    }

    [Fact]
    [Trait("Row", "L3")]
    public async Task Many_clients_at_once_each_have_their_own_connection()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => server.ConnectAsync()));
        await Task.WhenAll(clients.Select(async (client, index) =>
        {
            string text = $"I am client {index:000}";
            await client.SendAsync(text);
            Assert.Equal(text, await client.ReceiveTextAsync(text.Length));
        }));
        Assert.Equal(100, server.Server.Connections.Select(connection => connection.Id).Distinct().Count());
        Assert.Equal(clients.Select(client => client.LocalAddress).Order(), server.Server.Connections.Select(connection => connection.RemoteAddress!).Order());
        Array.ForEach(clients, client => client.Dispose());
    }

    [Fact]
    [Trait("Row", "L6")]
    public async Task The_address_is_null_unless_listening()
    {
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("echo", "[0:0:0:0:0:0:0:1]:0", Echo));
        ISocketServer server = host.Server("echo");
        Assert.Equal($"[::1]:{Tcp.PortOf(server)}", server.Address);
        await server.CloseAsync();
        Assert.Null(server.Address);
        Assert.Null(server.EndPoint);
    }

    [Fact]
    [Trait("Row", "L12")]
    public async Task A_subscriber_that_throws_harms_its_own_connection_only()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection));
        using RawClient first = await server.ConnectAsync();
        await first.SendAsync("x");
        await first.ReceiveExactlyAsync(1);
        var fault = new InvalidTimeZoneException("A mistake of the application.");
        var error = new TaskCompletionSource<SocketServerError>(TaskCreationOptions.RunContinuationsAsynchronously);

        // Not before the client knows that it is connected: the reset would fail its connect.
        using var connected = new SemaphoreSlim(0);
        void Throw(ISocketConnection connection)
        {
            connected.Wait(Timeouts.Generous);
            throw fault;
        }

        server.Server.Error += error.SetResult;
        server.Server.Connection += Throw;

        using RawClient second = await server.ConnectAsync();
        connected.Release();
        await Tcp.AssertClosedAsync(second);
        SocketServerError told = await error.Task.Soon();
        Assert.Equal(SocketServerErrorStage.Handler, told.Stage);
        Assert.Same(fault, told.Exception);
        Assert.Equal(second.LocalAddress, told.RemoteAddress);
        Assert.Contains(server.Host.Logs.GetSnapshot(), record => record.Level == LogLevel.Warning && ReferenceEquals(record.Exception, fault));

        server.Server.Connection -= Throw;
        using RawClient third = await server.ConnectAsync();
        foreach (RawClient client in new[] { first, third })
        {
            await client.SendAsync("y");
            Assert.Equal("y", await client.ReceiveTextAsync(1));
        }
    }

    [Fact]
    [Trait("Row", "L4")]
    [Trait("Row", "L12")]
    public async Task A_subscriber_of_the_error_event_that_throws_harms_nobody()
    {
        using var connected = new SemaphoreSlim(0);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(_ =>
        {
            connected.Wait(Timeouts.Generous);
            throw new InvalidTimeZoneException();
        });
        server.Server.Error += _ => throw new InvalidTimeZoneException();
        for (int i = 0; i < 2; i++)
        {
            using RawClient client = await server.ConnectAsync();
            connected.Release();
            await Tcp.AssertClosedAsync(client);
        }

        Assert.Equal(2, server.Errors.Count);
    }

    [Fact]
    [Trait("Row", "L13")]
    [Trait("Row", "H1")]
    public async Task Several_servers_plain_and_TLS_beside_HTTP()
    {
        await using TestHost host = await TestHost.StartWebAsync(
            server => server
                .Listen("one", 0, listen => listen.UseSocketHandler(connection => connection.End("one")))
                .Listen("two", "[::1]:0", listen => listen.UseSocketHandler(connection => connection.End("two")))
                .Listen("three", 0, listen => listen.UseHttps(TestCertificate.Instance).UseSocketHandler(connection => connection.End("three"))),
            map: app => app.MapGet("/", () => "http"));
        using var http = new HttpClient();
        await host.Server("one").CloseAsync();
        foreach (string name in new[] { "two", "three" })
        {
            using RawClient client = await RawClient.ConnectAsync(host.Server(name), name == "three" ? TestTransport.Tls : TestTransport.Plain);
            Assert.Equal(name, await client.ReceiveTextToEndAsync());
        }

        Assert.Equal("http", await http.GetStringAsync(new Uri(host.Web.Urls.Single())).Soon());
    }

    [Fact]
    [Trait("Row", "L3")]
    [Trait("Row", "L5")]
    public async Task Nothing_of_clients_stays_however_they_leave()
    {
        const int Count = 60;
        var closed = Channel.CreateUnbounded<string>();
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection =>
        {
            connection.Pipe(connection);
            connection.Closed += () => closed.Writer.TryWrite(connection.Id);
        });
        await Task.WhenAll(Enumerable.Range(0, Count).Select(async index =>
        {
            using RawClient client = await server.ConnectAsync();
            if (index % 3 != 0)
            {
                await client.SendAsync(new byte[index * 1000]);
            }

            if (index % 2 == 0)
            {
                client.Reset();
            }
        }));
        for (int i = 0; i < Count; i++)
        {
            await closed.Reader.ReadAsync().Soon();
        }

        Assert.Empty(server.Server.Connections);
        Assert.Empty(server.Errors);
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));
}
