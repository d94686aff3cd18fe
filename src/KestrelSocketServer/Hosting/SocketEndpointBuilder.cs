using System.Diagnostics.CodeAnalysis;
using KestrelSocketServer.Configuration;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer;

/// <summary>Says in code what is done with an endpoint that configuration gives.</summary>
public sealed class SocketEndpointBuilder
{
    private readonly EndpointDefinition _endpoint;

    internal SocketEndpointBuilder(EndpointDefinition endpoint) => _endpoint = endpoint;

    /// <summary>Handles its connections with a handler: one instance for all, kept when configuration changes.</summary>
    /// <typeparam name="THandler">The type of the handler, a <see cref="SocketConnectionHandler"/> or any other <see cref="ConnectionHandler"/>.</typeparam>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder UseSocketHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>()
        where THandler : ConnectionHandler
        => Configure(listen => listen.UseSocketHandler<THandler>());

    /// <summary>Handles each of its connections with a function that subscribes to events.</summary>
    /// <param name="onConnection">Called for each connection before reading starts (row C2).</param>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder UseSocketHandler(Action<ISocketConnection> onConnection) => Configure(listen => listen.UseSocketHandler(onConnection));

    /// <summary>Handles each of its connections with a function that reads in its own flow.</summary>
    /// <param name="onConnection">Called for each connection.</param>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder UseSocketHandler(Func<ISocketConnection, Task> onConnection) => Configure(listen => listen.UseSocketHandler(onConnection));

    /// <summary>Handles each of its connections with a function that reads in its own flow, and is told when the connection is closed.</summary>
    /// <param name="onConnection">Called for each connection, with its <see cref="ISocketConnection.ConnectionClosed"/> (row C35).</param>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder UseSocketHandler(Func<ISocketConnection, CancellationToken, Task> onConnection)
        => Configure(listen => listen.UseSocketHandler(onConnection));

    /// <summary>Handles each message of its connections with a function, as an event.</summary>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">Called for each message, in order, one at a time.</param>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder UseSocketHandler<TMessage>(IMessageProtocol<TMessage> protocol, Action<ISocketConnection<TMessage>, TMessage> onMessage)
        => Configure(listen => listen.UseSocketHandler(protocol, onMessage));

    /// <summary>Handles each message of its connections with an asynchronous function: the next one is read when its task has completed.</summary>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">Called for each message, in order, one at a time; the peer is held back meanwhile.</param>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder UseSocketHandler<TMessage>(IMessageProtocol<TMessage> protocol, Func<ISocketConnection<TMessage>, TMessage, Task> onMessage)
        => Configure(listen => listen.UseSocketHandler(protocol, onMessage));

    /// <summary>Handles each message of its connections with an asynchronous function that is told when the connection is closed.</summary>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="onMessage">Called for each message, with the <see cref="ISocketConnection.ConnectionClosed"/> of its connection (row C35).</param>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder UseSocketHandler<TMessage>(
        IMessageProtocol<TMessage> protocol, Func<ISocketConnection<TMessage>, TMessage, CancellationToken, Task> onMessage)
        => Configure(listen => listen.UseSocketHandler(protocol, onMessage));

    /// <summary>Sets anything else of the endpoint; what is set here prevails over configuration.</summary>
    /// <param name="configure">Called whenever the endpoint is built: at start, and when its configuration has changed.</param>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder Configure(Action<ListenOptions> configure)
    {
        _endpoint.AddConfigure(configure);
        return this;
    }

    /// <summary>Leaves the endpoint out, rather than to fail, where configuration does not have it.</summary>
    /// <returns>The same builder.</returns>
    public SocketEndpointBuilder Optional()
    {
        _endpoint.Optional = true;
        return this;
    }
}
