using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Testing;

public sealed partial class InMemorySocketClient
{
    /// <summary>Connects to a function that subscribes to the events of a connection.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect(Action<ISocketConnection> onConnection, InMemorySocketClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        return Connect((builder, configure) => builder.UseSocketHandler(onConnection, configure), options);
    }

    /// <summary>Connects to a function that reads a connection in its own flow.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect(Func<ISocketConnection, Task> onConnection, InMemorySocketClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        return Connect((builder, configure) => builder.UseSocketHandler(onConnection, configure), options);
    }

    /// <summary>Connects to a handler: a <see cref="SocketConnectionHandler"/> or any other.</summary>
    /// <typeparam name="THandler">The type of the handler.</typeparam>
    /// <param name="handler">The handler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        THandler handler, InMemorySocketClientOptions? options = null)
        where THandler : ConnectionHandler
    {
        ArgumentNullException.ThrowIfNull(handler);

        return Connect((builder, configure) => builder.UseSocketHandler<THandler>(configure), options, handler);
    }

    /// <summary>Connects to a pipeline of Kestrel's, of a handler or of middleware.</summary>
    /// <param name="connectionDelegate">The pipeline.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect(ConnectionDelegate connectionDelegate, InMemorySocketClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(connectionDelegate);

        return new InMemorySocketClient(options ?? new InMemorySocketClientOptions(), connectionDelegate);
    }

    private static InMemorySocketClient Connect(
        Func<IConnectionBuilder, Action<SocketConnectionOptions>?, IConnectionBuilder> use, InMemorySocketClientOptions? options, object? handler = null)
    {
        options ??= new InMemorySocketClientOptions();
        var builder = new ConnectionBuilder(new HandlerServices(options.Services, handler));
        return new InMemorySocketClient(options, use(builder, options.ConfigureConnection).Build());
    }

    private sealed class HandlerServices(IServiceProvider? services, object? handler) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType == handler?.GetType() ? handler : services?.GetService(serviceType);
    }
}
