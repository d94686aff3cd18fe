using System.Diagnostics;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Messages;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>
/// Handles the messages of an endpoint: one instance for all connections. Override <see cref="OnMessage"/>, or <see cref="OnMessageAsync"/>
/// to await something for each message.
/// </summary>
/// <typeparam name="TMessage">The message.</typeparam>
/// <remarks>
/// It is a Kestrel <see cref="ConnectionHandler"/>, so it also runs on the application's own Kestrel and over any other
/// <see cref="IConnectionBuilder"/>. Constructor parameters come from dependency injection.
/// </remarks>
public abstract class SocketMessageHandler<TMessage> : ConnectionHandler, IConfiguredHandler
{
    private readonly IMessageProtocol<TMessage> _protocol;
    private readonly Action<ISocketConnection<TMessage>> _begin;
    private readonly Func<ISocketConnection<TMessage>, TMessage, Task> _onMessage;

    /// <summary>Makes a handler of messages.</summary>
    /// <param name="protocol">How they lie in the stream.</param>
    protected SocketMessageHandler(IMessageProtocol<TMessage> protocol)
    {
        ArgumentNullException.ThrowIfNull(protocol);

        _protocol = protocol;
        _begin = Begin;
        _onMessage = TakesToken ? HandleWithToken : HandleWithoutToken;
    }

    /// <summary>A connection is established. Its messages follow when this has returned; an exception closes it (row L12).</summary>
    /// <param name="connection">The connection; it outlives the call.</param>
    protected virtual void OnConnection(ISocketConnection<TMessage> connection)
    {
    }

    /// <summary>A message was received. No other is read, nor another event of the connection raised, until this has returned.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="message">The message. What refers to the bytes that it was read from is valid during the call.</param>
    protected virtual void OnMessage(ISocketConnection<TMessage> connection, TMessage message)
    {
    }

    /// <summary>
    /// A message was received; by default calls <see cref="OnMessage"/>. The next one is read when the task has completed; until then the
    /// peer is held back (row M4), and other events of the connection may be raised.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="message">The message. What refers to the bytes that it was read from is valid until the task has completed.</param>
    /// <param name="connectionClosed">The <see cref="ISocketConnection.ConnectionClosed"/> of the connection.</param>
    protected virtual Task OnMessageAsync(ISocketConnection<TMessage> connection, TMessage message, CancellationToken connectionClosed)
    {
        OnMessage(connection, message);
        return Task.CompletedTask;
    }

    /// <summary>
    /// The connection failed, as <see cref="ISocketConnection.Error"/> tells. After a <see cref="MessageProtocolException"/> it can still
    /// be written to, here: a farewell is sent before it ends (row M6).
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="error">Why.</param>
    protected virtual void OnError(ISocketConnection<TMessage> connection, Exception error)
    {
    }

    /// <summary>The connection is closed: exactly once, last of all.</summary>
    /// <param name="connection">The connection.</param>
    protected virtual void OnClosed(ISocketConnection<TMessage> connection)
    {
    }

    /// <summary>Called by Kestrel for each connection.</summary>
    /// <param name="connection">The connection, which the returned task owns until it completes.</param>
    public sealed override Task OnConnectedAsync(ConnectionContext connection) => RunAsync(connection, ConnectionSettings.Default);

    Task IConfiguredHandler.RunAsync(ConnectionContext context, ConnectionSettings settings) => RunAsync(context, settings);

    private Task RunAsync(ConnectionContext context, ConnectionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(context);

        return MessageConnection<TMessage>.RunAsync(context, settings, _protocol, _begin, _onMessage);
    }

    // A token is made only for a handler that looks at it.
    private bool TakesToken => DiagnosticMethodInfo.Create(
            (Func<ISocketConnection<TMessage>, TMessage, CancellationToken, Task>)OnMessageAsync)
        is not { DeclaringTypeName: { } type } || !type.StartsWith(typeof(SocketMessageHandler<>).FullName!, StringComparison.Ordinal);

    private void Begin(ISocketConnection<TMessage> connection)
    {
        connection.Error += error => OnError(connection, error);
        connection.Closed += () => OnClosed(connection);
        OnConnection(connection);
    }

    private Task HandleWithToken(ISocketConnection<TMessage> connection, TMessage message)
        => OnMessageAsync(connection, message, connection.ConnectionClosed);

    private Task HandleWithoutToken(ISocketConnection<TMessage> connection, TMessage message)
        => OnMessageAsync(connection, message, default);
}
