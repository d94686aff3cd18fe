using System.Diagnostics.CodeAnalysis;
using KestrelSocketServer;
using KestrelSocketServer.Hosting;
using KestrelSocketServer.Servers;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>The handler and the socket options of an endpoint.</summary>
public static class ListenOptionsSocketServerExtensions
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
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="InvalidOperationException">The handler cannot be made: a service that it needs is not registered.</exception>
    public static ListenOptions UseSocketHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this ListenOptions listenOptions)
        where THandler : ConnectionHandler
    {
        ConnectionPipeline.Use<THandler>(listenOptions, configure: null);
        return listenOptions;
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
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="InvalidOperationException">The handler cannot be made: a service that it needs is not registered.</exception>
    public static ListenOptions UseSocketHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this ListenOptions listenOptions, Action<SocketConnectionOptions>? configure)
        where THandler : ConnectionHandler
    {
        ConnectionPipeline.Use<THandler>(listenOptions, configure);
        return listenOptions;
    }

    /// <summary>Handles each connection with a function that subscribes to its events.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="onConnection">Called for each connection before reading starts (row C2).</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseSocketHandler(
        this ListenOptions listenOptions, Action<ISocketConnection> onConnection)
    {
        ConnectionPipeline.Use(listenOptions, onConnection, configure: null);
        return listenOptions;
    }

    /// <summary>Handles each connection with a function that subscribes to its events.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="onConnection">Called for each connection before reading starts (row C2).</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseSocketHandler(
        this ListenOptions listenOptions, Action<ISocketConnection> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ConnectionPipeline.Use(listenOptions, onConnection, configure);
        return listenOptions;
    }

    /// <summary>Handles each connection with a function that reads in its own flow; when its task completes, a connection that it read ends.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="onConnection">Called for each connection.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseSocketHandler(
        this ListenOptions listenOptions, Func<ISocketConnection, Task> onConnection)
    {
        ConnectionPipeline.Use(listenOptions, onConnection, configure: null);
        return listenOptions;
    }

    /// <summary>Handles each connection with a function that reads in its own flow; when its task completes, a connection that it read ends.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="onConnection">Called for each connection.</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseSocketHandler(
        this ListenOptions listenOptions, Func<ISocketConnection, Task> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ConnectionPipeline.Use(listenOptions, onConnection, configure);
        return listenOptions;
    }

    /// <summary>
    /// Handles each connection with a function that reads in its own flow, and is told when the connection is closed; when its task
    /// completes, a connection that it read ends.
    /// </summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="onConnection">Called for each connection, with its <see cref="ISocketConnection.ConnectionClosed"/> (row C35).</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseSocketHandler(
        this ListenOptions listenOptions, Func<ISocketConnection, CancellationToken, Task> onConnection)
    {
        ConnectionPipeline.Use(listenOptions, onConnection, configure: null);
        return listenOptions;
    }

    /// <summary>
    /// Handles each connection with a function that reads in its own flow, and is told when the connection is closed; when its task
    /// completes, a connection that it read ends.
    /// </summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="onConnection">Called for each connection, with its <see cref="ISocketConnection.ConnectionClosed"/> (row C35).</param>
    /// <param name="configure">Sets the options of its connections; null leaves them as they are.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseSocketHandler(
        this ListenOptions listenOptions, Func<ISocketConnection, CancellationToken, Task> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ConnectionPipeline.Use(listenOptions, onConnection, configure);
        return listenOptions;
    }

    /// <summary>Sets how many connections the operating system may hold that have not been accepted yet (row A14).</summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer.</param>
    /// <param name="backlog">The length of the queue, at least 1; the operating system may cap it.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The length is less than 1.</exception>
    public static ListenOptions UseBacklog(this ListenOptions listenOptions, int backlog)
    {
        EndpointContext endpoint = EndpointContext.Get(listenOptions, nameof(UseBacklog));
        endpoint.Listener.Backlog = endpoint.AtLeast(1, backlog);
        return listenOptions;
    }

    /// <summary>Lets other sockets, also of other processes of the same user, listen on the same port (SO_REUSEPORT, row A14).</summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer.</param>
    /// <param name="reusePort">Whether they may.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseReusePort(this ListenOptions listenOptions, bool reusePort = true)
    {
        EndpointContext.Get(listenOptions, nameof(UseReusePort)).Listener.ReusePort = reusePort;
        return listenOptions;
    }

    /// <summary>
    /// Listens with one socket for each event loop, all on the same address (SO_REUSEPORT, row A17): each loop accepts and serves
    /// its own connections. Worth it where many clients come and go.
    /// </summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer on an address of TCP.</param>
    /// <param name="acceptorPerLoop">False: one socket, whose connections go round over the loops.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseAcceptorPerLoop(this ListenOptions listenOptions, bool acceptorPerLoop = true)
    {
        EndpointContext.Get(listenOptions, nameof(UseAcceptorPerLoop)).Listener.AcceptorPerLoop = acceptorPerLoop;
        return listenOptions;
    }

    /// <summary>Makes <c>[::]</c> take IPv6 connections only (IPV6_V6ONLY, row A14).</summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer.</param>
    /// <param name="ipv6Only">Whether IPv4 is refused.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseIPv6Only(this ListenOptions listenOptions, bool ipv6Only = true)
    {
        EndpointContext.Get(listenOptions, nameof(UseIPv6Only)).Listener.IPv6Only = ipv6Only;
        return listenOptions;
    }

    /// <summary>Sets whether small writes are sent at once (TCP_NODELAY), which they are by default.</summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer.</param>
    /// <param name="noDelay">False lets the operating system gather small writes.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseNoDelay(this ListenOptions listenOptions, bool noDelay = true)
    {
        EndpointContext.Get(listenOptions, nameof(UseNoDelay)).Listener.NoDelay = noDelay;
        return listenOptions;
    }

    /// <summary>Turns TCP keep-alive on, which finds peers that are gone without a word.</summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer.</param>
    /// <param name="time">After how long without traffic the first probe is sent; at least a second.</param>
    /// <param name="interval">The time between probes that were not answered, at least a second; null leaves it to the operating system.</param>
    /// <param name="retryCount">After how many unanswered probes the connection is given up, at least 1; null leaves it to the operating system.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is too small.</exception>
    public static ListenOptions UseKeepAlive(this ListenOptions listenOptions, TimeSpan time, TimeSpan? interval = null, int? retryCount = null)
    {
        EndpointContext endpoint = EndpointContext.Get(listenOptions, nameof(UseKeepAlive));
        var second = TimeSpan.FromSeconds(1);
        endpoint.Listener.KeepAliveTime = endpoint.AtLeast(second, time);
        endpoint.Listener.KeepAliveInterval = interval is null ? null : endpoint.AtLeast(second, interval.Value, nameof(interval));
        endpoint.Listener.KeepAliveRetryCount = retryCount is null ? null : endpoint.AtLeast(1, retryCount.Value, nameof(retryCount));
        return listenOptions;
    }

    /// <summary>
    /// Sets how long data that was sent may be unacknowledged before the system gives the connection up (TCP_USER_TIMEOUT, row G15): a peer
    /// that is gone without a word is noticed while something is under way to it.
    /// </summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer.</param>
    /// <param name="timeout">The time, at least a millisecond. Without effect but on Linux.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time is less than a millisecond.</exception>
    public static ListenOptions UseUserTimeout(this ListenOptions listenOptions, TimeSpan timeout)
    {
        EndpointContext endpoint = EndpointContext.Get(listenOptions, nameof(UseUserTimeout));
        endpoint.Listener.UserTimeout = endpoint.AtLeast(TimeSpan.FromMilliseconds(1), timeout);
        return listenOptions;
    }
}
