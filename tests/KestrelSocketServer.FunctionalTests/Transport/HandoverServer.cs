using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>A server over one of the drivers, with a <see cref="HandoverHandler"/> behind the given middleware.</summary>
public sealed class HandoverServer : IAsyncDisposable
{
    private const string Name = "test";

    private readonly HandoverHandler _handler;
    private readonly TestTransport _transport;

    private HandoverServer(TestHost host, HandoverHandler handler, TestTransport transport)
    {
        Host = host;
        _handler = handler;
        _transport = transport;
    }

    public TestHost Host { get; }

    public static async Task<HandoverServer> StartAsync(
        SocketTransportDriver driver, TestTransport? transport = null, Action<ListenOptions>? middleware = null)
    {
        transport ??= TestTransport.Plain;
        var handler = new HandoverHandler();
        void Configure(SocketServerOptions server)
        {
            server.Transport.Driver = driver;
            server.Listen(Name, 0, listen =>
            {
                transport.Configure(listen);
                middleware?.Invoke(listen);
                listen.UseSocketHandler<HandoverHandler>();
            });
        }

        // TLS takes services that only a web host has.
        TestHost host = transport.IsTls
            ? await TestHost.StartWebAsync(Configure, builder => builder.Services.AddSingleton(handler))
            : await TestHost.StartAsync(Configure, services => services.AddSingleton(handler));
        return new HandoverServer(host, handler, transport);
    }

    /// <summary>Connects one client; not to be called again before it has returned.</summary>
    public async Task<SocketPair> ConnectAsync() => await AcceptedAsync(await ConnectClientAsync());

    /// <summary>Connects a client that the handler may see later, or never.</summary>
    public Task<RawClient> ConnectClientAsync() => RawClient.ConnectAsync(Host.Server(Name), _transport);

    /// <summary>Waits for the handler to be given the connection of the client.</summary>
    public async Task<SocketPair> AcceptedAsync(RawClient client)
    {
        (ConnectionContext context, TaskCompletionSource done) = await _handler.AcceptedAsync();
        return new SocketPair(client, context, done);
    }

    public ValueTask DisposeAsync() => Host.DisposeAsync();
}
