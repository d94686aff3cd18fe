using System.Diagnostics.CodeAnalysis;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Servers;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer.Testing;

/// <summary>A handler and its clients in memory: a server without a port, a host or a socket.</summary>
/// <example>
/// <code>
/// await using var server = InMemorySocketServer.Start&lt;ChatHandler&gt;();
/// InMemorySocketClient anna = server.Connect(), ben = server.Connect();
/// await Task.WhenAll(anna.Connection, ben.Connection);
/// await anna.SendAsync("hello\n");
/// Assert.Equal("hello", await ben.ReceiveLineAsync());
/// </code>
/// </example>
/// <remarks>All members may be used from any thread.</remarks>
public sealed class InMemorySocketServer : IAsyncDisposable
{
    private const string Name = "memory";

    private readonly HashSet<InMemorySocketClient> _clients = [];
    private readonly SocketServer _server;
    private readonly ConnectionDelegate _pipeline;

    private InMemorySocketServer(IServiceProvider? services, Action<SocketConnectionOptions>? configure, Action<IConnectionBuilder> build)
    {
        ILogger logger = SafeLoggerFactory.For(services?.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger(SocketServerLog.Category);
        TimeProvider timeProvider = services?.GetService<TimeProvider>() ?? TimeProvider.System;
        _server = new SocketServer(Name, logger, timeProvider, static () => { });
        _server.Connection += OnConnection;
        _server.Error += OnError;
        var options = new SocketConnectionOptions();
        configure?.Invoke(options);
        options.Validate(Name);
        var settings = new ConnectionSettings(options, _server.OpenConnections, logger, timeProvider, new ConnectionClock(timeProvider))
        {
            Metrics = services is null ? null : SocketServerMetrics.From(services),
        };
        var builder = new ConnectionBuilder(new EndpointContext(_server, ListenAddress.Parse("127.0.0.1:8007"), new SocketListenerOptions(), settings)
        {
            ApplicationServices = services ?? NoServices.Instance,
        });
        build(builder);
        _pipeline = builder.Build();
    }

    /// <summary>The server as the handler sees it, with its connections and its events. It listens nowhere.</summary>
    public ISocketServer Server => _server;

    /// <summary>Starts a server with a handler of a type, made as an application does: from the services, or with its constructor parameters from there.</summary>
    /// <typeparam name="THandler">The type of the handler, a <see cref="SocketConnectionHandler"/> or any other.</typeparam>
    /// <param name="services">The services; an <see cref="ILoggerFactory"/> and a <see cref="TimeProvider"/> there are used. Null: none.</param>
    /// <param name="configure">Sets the options of the connections.</param>
    /// <returns>The server.</returns>
    /// <exception cref="InvalidOperationException">The handler cannot be made: a service that it needs is not registered.</exception>
    public static InMemorySocketServer Start<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        IServiceProvider? services = null, Action<SocketConnectionOptions>? configure = null)
        where THandler : ConnectionHandler
        => new(services, configure, static builder => builder.UseSocketHandler<THandler>());

    /// <summary>Starts a server with a handler.</summary>
    /// <typeparam name="THandler">The type of the handler, a <see cref="SocketConnectionHandler"/> or any other.</typeparam>
    /// <param name="handler">The handler.</param>
    /// <param name="services">The services; an <see cref="ILoggerFactory"/> and a <see cref="TimeProvider"/> there are used. Null: none.</param>
    /// <param name="configure">Sets the options of the connections.</param>
    /// <returns>The server.</returns>
    public static InMemorySocketServer Start<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        THandler handler, IServiceProvider? services = null, Action<SocketConnectionOptions>? configure = null)
        where THandler : ConnectionHandler
    {
        ArgumentNullException.ThrowIfNull(handler);

        return Start<THandler>(new HandlerServices(handler, typeof(THandler), services), configure);
    }

    /// <summary>Starts a server with a function that subscribes to the events of each connection.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="services">The services; an <see cref="ILoggerFactory"/> and a <see cref="TimeProvider"/> there are used. Null: none.</param>
    /// <param name="configure">Sets the options of the connections.</param>
    /// <returns>The server.</returns>
    public static InMemorySocketServer Start(
        Action<ISocketConnection> onConnection, IServiceProvider? services = null, Action<SocketConnectionOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        return new(services, configure, builder => builder.UseSocketHandler(onConnection));
    }

    /// <summary>Starts a server with a function that reads each connection in its own flow.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="services">The services; an <see cref="ILoggerFactory"/> and a <see cref="TimeProvider"/> there are used. Null: none.</param>
    /// <param name="configure">Sets the options of the connections.</param>
    /// <returns>The server.</returns>
    public static InMemorySocketServer Start(
        Func<ISocketConnection, Task> onConnection, IServiceProvider? services = null, Action<SocketConnectionOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        return new(services, configure, builder => builder.UseSocketHandler(onConnection));
    }

    /// <summary>Starts a server with a function that reads each connection in its own flow, and is told when it is closed.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="services">The services; an <see cref="ILoggerFactory"/> and a <see cref="TimeProvider"/> there are used. Null: none.</param>
    /// <param name="configure">Sets the options of the connections.</param>
    /// <returns>The server.</returns>
    public static InMemorySocketServer Start(
        Func<ISocketConnection, CancellationToken, Task> onConnection, IServiceProvider? services = null, Action<SocketConnectionOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        return new(services, configure, builder => builder.UseSocketHandler(onConnection));
    }

    /// <summary>Starts a server with a pipeline of Kestrel's own kind, of middleware or of a bare handler.</summary>
    /// <param name="pipeline">The pipeline; for its connections there is an <see cref="ISocketConnection"/> only where it makes one.</param>
    /// <returns>The server.</returns>
    public static InMemorySocketServer Start(ConnectionDelegate pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);

        return new(null, null, builder => builder.Use(_ => pipeline));
    }

    /// <summary>Connects a client, at once. <see cref="InMemorySocketClient.Connection"/> tells when the handler has begun with it.</summary>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The client, of which the server disposes if nobody else does.</returns>
    public InMemorySocketClient Connect(InMemorySocketClientOptions? options = null) => new(this, options ?? new InMemorySocketClientOptions());

    /// <summary>Disposes of all clients that are still there, see <see cref="InMemorySocketClient.DisposeAsync"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (InMemorySocketClient client in Clients)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    internal void Add(InMemorySocketClient client)
    {
        lock (_clients)
        {
            _clients.Add(client);
        }
    }

    internal void Remove(InMemorySocketClient client)
    {
        lock (_clients)
        {
            _clients.Remove(client);
        }
    }

    internal Task RunAsync(ConnectionContext context) => _pipeline(context);

    private InMemorySocketClient[] Clients
    {
        get
        {
            lock (_clients)
            {
                return [.. _clients];
            }
        }
    }

    private void OnConnection(ISocketConnection connection) => Find(connection.Id)?.OnConnection(connection);

    private void OnError(SocketServerError error) => Find(error.ConnectionId)?.OnFault(error.Exception);

    private InMemorySocketClient? Find(string? connectionId) => Array.Find(Clients, client => client.Context.ConnectionId == connectionId);

    private sealed class HandlerServices(object handler, Type handlerType, IServiceProvider? services) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType == handlerType ? handler : services?.GetService(serviceType);
    }

    private sealed class NoServices : IServiceProvider
    {
        public static NoServices Instance { get; } = new();

        public object? GetService(Type serviceType) => null;
    }
}
