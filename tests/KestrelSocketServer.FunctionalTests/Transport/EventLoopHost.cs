using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>Hosts on event loops, whatever the other tests run on: with an endpoint <c>test</c>, and <c>echo</c> for the others that must not suffer.</summary>
internal static class EventLoopHost
{
    public static Task<TestHost> StartAsync(
        Func<ISocketConnection, Task> handler,
        int loops = 1,
        Action<SocketServerOptions>? configure = null,
        Action<SocketConnectionOptions>? options = null,
        Action<IServiceCollection>? services = null)
        => TestHost.StartAsync(
            server =>
            {
                server.Transport.Driver = SocketTransportDriver.EventLoop;
                server.Transport.EventLoopCount = loops;
                server.Listen("test", 0, listen => listen.UseSocketHandler(handler, options));
                server.Listen("echo", 0, listen => listen.UseSocketHandler(connection => connection.Pipe(connection)));
                configure?.Invoke(server);
            },
            services);

    public static Task<TestHost> StartAsync(
        Action<ISocketConnection> handler,
        int loops = 1,
        Action<SocketServerOptions>? configure = null,
        Action<SocketConnectionOptions>? options = null,
        Action<IServiceCollection>? services = null)
        => StartAsync(
            connection =>
            {
                handler(connection);
                return Task.CompletedTask;
            },
            loops,
            configure,
            options,
            services);

    /// <summary>A handler that blocks in each chunk of data before it echoes it.</summary>
    public static Action<ISocketConnection> BlockInData(Gate gate) => connection => connection.Data += chunk =>
    {
        gate.Block();
        connection.Write(chunk);
    };
}
