using System.Diagnostics.CodeAnalysis;
using KestrelSocketServer;
using KestrelSocketServer.Hosting;

namespace Microsoft.AspNetCore.Connections;

/// <summary>Runs handlers of socket connections over any <see cref="IConnectionBuilder"/>, whatever transport is below.</summary>
public static class ConnectionBuilderSocketServerExtensions
{
    /// <summary>
    /// Handles the connections with a <see cref="SocketConnectionHandler"/>, or any other <see cref="ConnectionHandler"/>:
    /// one instance, taken from the services or made with its constructor parameters from there.
    /// </summary>
    /// <remarks>
    /// A handler of another kind gets Kestrel's bare connection: there is no <see cref="ISocketConnection"/> for it, so it raises
    /// no <see cref="ISocketServer.Connection"/> and is not among <see cref="ISocketServer.Connections"/>.
    /// </remarks>
    /// <typeparam name="THandler">The type of the handler.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <returns>The same pipeline.</returns>
    /// <exception cref="InvalidOperationException">The handler cannot be made: a service that it needs is not registered.</exception>
    public static IConnectionBuilder UseSocketHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IConnectionBuilder builder)
        where THandler : ConnectionHandler
    {
        ConnectionPipeline.Use<THandler>(builder, configure: null);
        return builder;
    }

    /// <summary>
    /// Handles the connections with a <see cref="SocketConnectionHandler"/>, or any other <see cref="ConnectionHandler"/>:
    /// one instance, taken from the services or made with its constructor parameters from there.
    /// </summary>
    /// <remarks>
    /// A handler of another kind gets Kestrel's bare connection: there is no <see cref="ISocketConnection"/> for it, so it raises
    /// no <see cref="ISocketServer.Connection"/> and is not among <see cref="ISocketServer.Connections"/>.
    /// </remarks>
    /// <typeparam name="THandler">The type of the handler.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same pipeline.</returns>
    /// <exception cref="InvalidOperationException">The handler cannot be made: a service that it needs is not registered.</exception>
    public static IConnectionBuilder UseSocketHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IConnectionBuilder builder, Action<SocketConnectionOptions>? configure)
        where THandler : ConnectionHandler
    {
        ConnectionPipeline.Use<THandler>(builder, configure);
        return builder;
    }

    /// <summary>Handles each connection with a function that subscribes to its events.</summary>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="onConnection">Called for each connection before reading starts (row C2).</param>
    /// <returns>The same pipeline.</returns>
    public static IConnectionBuilder UseSocketHandler(
        this IConnectionBuilder builder, Action<ISocketConnection> onConnection)
    {
        ConnectionPipeline.Use(builder, onConnection, configure: null);
        return builder;
    }

    /// <summary>Handles each connection with a function that subscribes to its events.</summary>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="onConnection">Called for each connection before reading starts (row C2).</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same pipeline.</returns>
    public static IConnectionBuilder UseSocketHandler(
        this IConnectionBuilder builder, Action<ISocketConnection> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ConnectionPipeline.Use(builder, onConnection, configure);
        return builder;
    }

    /// <summary>Handles each connection with a function that reads in its own flow; when its task completes, a connection that it read ends.</summary>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="onConnection">Called for each connection.</param>
    /// <returns>The same pipeline.</returns>
    public static IConnectionBuilder UseSocketHandler(
        this IConnectionBuilder builder, Func<ISocketConnection, Task> onConnection)
    {
        ConnectionPipeline.Use(builder, onConnection, configure: null);
        return builder;
    }

    /// <summary>Handles each connection with a function that reads in its own flow; when its task completes, a connection that it read ends.</summary>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="onConnection">Called for each connection.</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same pipeline.</returns>
    public static IConnectionBuilder UseSocketHandler(
        this IConnectionBuilder builder, Func<ISocketConnection, Task> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ConnectionPipeline.Use(builder, onConnection, configure);
        return builder;
    }

    /// <summary>
    /// Handles each connection with a function that reads in its own flow, and is told when the connection is closed; when its task
    /// completes, a connection that it read ends.
    /// </summary>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="onConnection">Called for each connection, with its <see cref="ISocketConnection.ConnectionClosed"/> (row C35).</param>
    /// <returns>The same pipeline.</returns>
    public static IConnectionBuilder UseSocketHandler(
        this IConnectionBuilder builder, Func<ISocketConnection, CancellationToken, Task> onConnection)
    {
        ConnectionPipeline.Use(builder, onConnection, configure: null);
        return builder;
    }

    /// <summary>
    /// Handles each connection with a function that reads in its own flow, and is told when the connection is closed; when its task
    /// completes, a connection that it read ends.
    /// </summary>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="onConnection">Called for each connection, with its <see cref="ISocketConnection.ConnectionClosed"/> (row C35).</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same pipeline.</returns>
    public static IConnectionBuilder UseSocketHandler(
        this IConnectionBuilder builder, Func<ISocketConnection, CancellationToken, Task> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ConnectionPipeline.Use(builder, onConnection, configure);
        return builder;
    }
}
