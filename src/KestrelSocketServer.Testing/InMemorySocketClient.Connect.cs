using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Testing;

// Connects to a server of one's own, for tests with one client.
public sealed partial class InMemorySocketClient
{
    /// <summary>Connects to a function that subscribes to the events of a connection.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect(Action<ISocketConnection> onConnection, InMemorySocketClientOptions? options = null)
        => InMemorySocketServer.Start(onConnection, options?.Services, options?.ConfigureConnection).Connect(options);

    /// <summary>Connects to a function that reads a connection in its own flow.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect(Func<ISocketConnection, Task> onConnection, InMemorySocketClientOptions? options = null)
        => InMemorySocketServer.Start(onConnection, options?.Services, options?.ConfigureConnection).Connect(options);

    /// <summary>Connects to a function that reads a connection in its own flow, and is told when it is closed.</summary>
    /// <param name="onConnection">The handler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect(Func<ISocketConnection, CancellationToken, Task> onConnection, InMemorySocketClientOptions? options = null)
        => InMemorySocketServer.Start(onConnection, options?.Services, options?.ConfigureConnection).Connect(options);

    /// <summary>Connects to a handler: a <see cref="SocketConnectionHandler"/> or any other.</summary>
    /// <typeparam name="THandler">The type of the handler.</typeparam>
    /// <param name="handler">The handler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        THandler handler, InMemorySocketClientOptions? options = null)
        where THandler : ConnectionHandler
        => InMemorySocketServer.Start(handler, options?.Services, options?.ConfigureConnection).Connect(options);

    /// <summary>Connects to a pipeline of Kestrel's, of a handler or of middleware.</summary>
    /// <param name="connectionDelegate">The pipeline.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>The connected client.</returns>
    public static InMemorySocketClient Connect(ConnectionDelegate connectionDelegate, InMemorySocketClientOptions? options = null)
        => InMemorySocketServer.Start(connectionDelegate).Connect(options);
}
