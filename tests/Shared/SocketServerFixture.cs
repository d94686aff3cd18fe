using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.TestSupport;

/// <summary>A host with one endpoint named <c>test</c>, plain or TLS, and clients for it.</summary>
public sealed class SocketServerFixture : IAsyncDisposable
{
    public const string Name = "test";

    private readonly TestHost _host;
    private readonly TestTransport _transport;
    private readonly Channel<ISocketConnection> _accepted;
    private readonly ConcurrentQueue<SocketServerError> _errors = new();

    private SocketServerFixture(TestHost host, TestTransport transport, Channel<ISocketConnection> accepted)
    {
        _host = host;
        _transport = transport;
        _accepted = accepted;
        Server.Error += _errors.Enqueue;
    }

    public TestHost Host => _host;

    public ISocketServer Server => _host.Server(Name);

    /// <summary>What the server's error event told so far.</summary>
    public IReadOnlyCollection<SocketServerError> Errors => _errors;

    public static Task<SocketServerFixture> StartAsync(
        Action<ISocketConnection> onConnection,
        TestTransport? transport = null,
        Action<SocketConnectionOptions>? options = null,
        string address = "127.0.0.1:0",
        HostSetup? setup = null)
        => StartAsync(
            connection =>
            {
                onConnection(connection);
                return Task.CompletedTask;
            },
            transport,
            options,
            address,
            setup);

    public static Task<SocketServerFixture> StartAsync(
        Func<ISocketConnection, Task> onConnection,
        TestTransport? transport = null,
        Action<SocketConnectionOptions>? options = null,
        string address = "127.0.0.1:0",
        HostSetup? setup = null)
    {
        var accepted = Channel.CreateUnbounded<ISocketConnection>();
        return StartAsync(
            accepted,
            listen => listen.UseSocketHandler(
                connection =>
                {
                    accepted.Writer.TryWrite(connection);
                    return onConnection(connection);
                },
                options),
            transport ?? TestTransport.Plain,
            address,
            setup);
    }

    /// <summary>Starts with a handler that the test configures itself; <see cref="AcceptedAsync"/> gives nothing then.</summary>
    public static Task<SocketServerFixture> StartWithAsync(
        Action<ListenOptions> configure, TestTransport? transport = null, string address = "127.0.0.1:0", HostSetup? setup = null)
        => StartAsync(Channel.CreateUnbounded<ISocketConnection>(), configure, transport ?? TestTransport.Plain, address, setup);

    public Task<RawClient> ConnectAsync(int? receiveBuffer = null) => RawClient.ConnectAsync(Server, _transport, receiveBuffer);

    /// <summary>The next connection that the handler was given, in the order of being accepted.</summary>
    public Task<ISocketConnection> AcceptedAsync() => _accepted.Reader.ReadAsync().Soon();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private static async Task<SocketServerFixture> StartAsync(
        Channel<ISocketConnection> accepted, Action<ListenOptions> handler, TestTransport transport, string address, HostSetup? setup)
    {
        void Listen(SocketServerOptions server)
        {
            setup?.Server?.Invoke(server);
            server.Listen(Name, address, listen =>
            {
                transport.Configure(listen);
                setup?.Listen?.Invoke(listen);
                handler(listen);
            });
        }

        return new SocketServerFixture(await TestHost.StartAsync(Listen, setup?.Services), transport, accepted);
    }
}
