using KestrelSocketServer.Hosting;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>
/// Handlers of messages, for an endpoint of UseSocketServer, of the application's own Kestrel, or over any other transport. For one that is
/// a class see <see cref="SocketMessageHandler{TMessage}"/>.
/// </summary>
public static class MessageSocketServerExtensions
{
    /// <summary>Handles each message with a function, as an event: it runs on the event loop, and must not block.</summary>
    /// <typeparam name="TBuilder">The type of the pipeline.</typeparam>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">Called for each message, in order, one at a time.</param>
    /// <returns>The same pipeline.</returns>
    public static TBuilder UseSocketHandler<TBuilder, TMessage>(
        this TBuilder builder, IMessageProtocol<TMessage> protocol, Action<ISocketConnection<TMessage>, TMessage> onMessage)
        where TBuilder : IConnectionBuilder
        => UseSocketHandler(builder, protocol, onMessage, configure: null);

    /// <summary>Handles each message with a function, as an event: it runs on the event loop, and must not block.</summary>
    /// <typeparam name="TBuilder">The type of the pipeline.</typeparam>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">Called for each message, in order, one at a time.</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same pipeline.</returns>
    public static TBuilder UseSocketHandler<TBuilder, TMessage>(
        this TBuilder builder,
        IMessageProtocol<TMessage> protocol,
        Action<ISocketConnection<TMessage>, TMessage> onMessage,
        Action<SocketConnectionOptions>? configure)
        where TBuilder : IConnectionBuilder
    {
        ArgumentNullException.ThrowIfNull(onMessage);

        ConnectionPipeline.Use(
            builder,
            protocol,
            (connection, message) =>
            {
                onMessage(connection, message);
                return Task.CompletedTask;
            },
            configure,
            onMessage);
        return builder;
    }

    /// <summary>Handles each message with an asynchronous function: the next one is read when its task has completed (row M4).</summary>
    /// <typeparam name="TBuilder">The type of the pipeline.</typeparam>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">Called for each message, in order, one at a time; the peer is held back meanwhile.</param>
    /// <returns>The same pipeline.</returns>
    public static TBuilder UseSocketHandler<TBuilder, TMessage>(
        this TBuilder builder, IMessageProtocol<TMessage> protocol, Func<ISocketConnection<TMessage>, TMessage, Task> onMessage)
        where TBuilder : IConnectionBuilder
        => UseSocketHandler(builder, protocol, onMessage, configure: null);

    /// <summary>Handles each message with an asynchronous function: the next one is read when its task has completed (row M4).</summary>
    /// <typeparam name="TBuilder">The type of the pipeline.</typeparam>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">Called for each message, in order, one at a time; the peer is held back meanwhile.</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same pipeline.</returns>
    public static TBuilder UseSocketHandler<TBuilder, TMessage>(
        this TBuilder builder,
        IMessageProtocol<TMessage> protocol,
        Func<ISocketConnection<TMessage>, TMessage, Task> onMessage,
        Action<SocketConnectionOptions>? configure)
        where TBuilder : IConnectionBuilder
    {
        ArgumentNullException.ThrowIfNull(onMessage);

        ConnectionPipeline.Use(builder, protocol, onMessage, configure, onMessage);
        return builder;
    }

    /// <summary>
    /// Handles each message with an asynchronous function that is told when the connection is closed: the next one is read when its task
    /// has completed (row M4).
    /// </summary>
    /// <typeparam name="TBuilder">The type of the pipeline.</typeparam>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">
    /// Called for each message, with the <see cref="ISocketConnection.ConnectionClosed"/> of its connection.
    /// </param>
    /// <returns>The same pipeline.</returns>
    public static TBuilder UseSocketHandler<TBuilder, TMessage>(
        this TBuilder builder,
        IMessageProtocol<TMessage> protocol,
        Func<ISocketConnection<TMessage>, TMessage, CancellationToken, Task> onMessage)
        where TBuilder : IConnectionBuilder
        => UseSocketHandler(builder, protocol, onMessage, configure: null);

    /// <summary>
    /// Handles each message with an asynchronous function that is told when the connection is closed: the next one is read when its task
    /// has completed (row M4).
    /// </summary>
    /// <typeparam name="TBuilder">The type of the pipeline.</typeparam>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="builder">The pipeline that the handler ends.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">
    /// Called for each message, with the <see cref="ISocketConnection.ConnectionClosed"/> of its connection.
    /// </param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same pipeline.</returns>
    public static TBuilder UseSocketHandler<TBuilder, TMessage>(
        this TBuilder builder,
        IMessageProtocol<TMessage> protocol,
        Func<ISocketConnection<TMessage>, TMessage, CancellationToken, Task> onMessage,
        Action<SocketConnectionOptions>? configure)
        where TBuilder : IConnectionBuilder
    {
        ArgumentNullException.ThrowIfNull(onMessage);

        ConnectionPipeline.Use(
            builder, protocol, (connection, message) => onMessage(connection, message, connection.ConnectionClosed), configure, onMessage);
        return builder;
    }
}
