using System.Net.Sockets;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Servers;

/// <summary>One period of listening of a server: its sockets, and the dispatcher of the connections accepted there.</summary>
#pragma warning disable CA1001 // The dispatcher is disposed of when the last connection is gone.
internal sealed class EndpointBinding
#pragma warning restore CA1001
{
    // A handler may never return.
    private static readonly TimeSpan AbortTime = TimeSpan.FromSeconds(1);

    private readonly SocketServer _server;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConnectionDispatcher _dispatcher;
    private readonly ListenerGate _gate;
    private ConnectionDelegate _pipeline;

    // Each listener counts as one until its last accept has returned, so that the count reaches zero once: when nothing can
    // be accepted any more and the last connection is gone.
    private int _active;
    private int _connections;
    private TaskCompletionSource<Task>? _aborted;

    private EndpointBinding(EndpointContext context, IReadOnlyList<Socket> sockets, ConnectionDelegate pipeline, SocketTransport transport)
    {
        Context = context;
        _server = context.Server;
        _logger = context.Settings.Logger;
        _timeProvider = context.Settings.TimeProvider;
        _pipeline = pipeline;
        _dispatcher = new ConnectionDispatcher(_server, _logger, _timeProvider);
        _gate = context.CreateGate(sockets[0].LocalEndPoint);
        var observer = new TransportObserver(context.OnHandlerBlocked, _dispatcher.OnFault, OnDisposed);
        SocketListener[] listeners = [.. sockets.Select((socket, number) => new SocketListener(
            context,
            socket,
            transport.CreateAcceptor(socket, sockets.Count == 1 ? null : number, _gate, observer),
            _gate,
            OnAccepted,
            Release))];
        _active = listeners.Length;
        Listener = new ListenerGroup(listeners);
    }

    public ListenerGroup Listener { get; }

    /// <summary>How many connections there are, in their handshake and with their end on the way too.</summary>
    public int ConnectionCount => Volatile.Read(ref _connections);

    /// <summary>Whether it is closed and its last connection is gone.</summary>
    public bool HasEnded => Volatile.Read(ref _active) == 0;

    /// <summary>What the pipeline was built with.</summary>
    public EndpointContext Context { get; private set; }

    /// <summary>What runs the connections.</summary>
    public ConnectionDelegate Pipeline => Volatile.Read(ref _pipeline);

    /// <summary>Starts to accept.</summary>
    public static EndpointBinding Start(
        IReadOnlyList<Socket> sockets, EndpointContext context, ConnectionDelegate pipeline, SocketTransport transport)
    {
        EndpointBinding binding;
        try
        {
            binding = new EndpointBinding(context, sockets, pipeline, transport);
        }
        catch
        {
            // Thrown on, once nothing listens any more.
            ListeningSockets.Close(sockets, context.Address);
            throw;
        }

        if (context.Server.IsAcceptingPaused)
        {
            binding.Listener.Pause();
        }

        binding.Listener.Start();
        return binding;
    }

    /// <summary>Changes what holds for the connections that are accepted from now on.</summary>
    public void Update(EndpointContext context, ConnectionDelegate pipeline)
    {
        Listener.Configure(context.Listener);
        _gate.SetRules(context.Rules);
        Context = context;
        Volatile.Write(ref _pipeline, pipeline);
    }

    /// <summary>Stops listening at once. Connections live on.</summary>
    public void Close() => Listener.Unbind();

    /// <summary>Tells the connections that still come that the server stops.</summary>
    /// <returns>What tells the others, one by one.</returns>
    public IReadOnlyList<Action> BeginStopping() => _dispatcher.BeginStopping();

    /// <summary>Closes the connections that have not ended within the time-out.</summary>
    public async Task AbortAsync(TimeSpan timeout)
    {
        if (HasEnded)
        {
            return;
        }

        // Once, as a host stops the server and then disposes of it. Their handlers get a moment to return.
        var aborted = new TaskCompletionSource<Task>();
        if (Interlocked.CompareExchange(ref _aborted, aborted, null) is { } earlier)
        {
            aborted = earlier;
        }
        else
        {
            aborted.SetResult(Task.Delay(AbortTime, _timeProvider));
            _logger.ShutdownTimedOut(_server.Name, ConnectionCount, timeout);
            _dispatcher.Abort();
        }

        await Task.WhenAny(_empty.Task, await aborted.Task.ConfigureAwait(false)).ConfigureAwait(false);
    }

    private void OnDisposed(TransportConnection connection)
    {
        try
        {
            if (connection.DiscardedBytes > 0)
            {
                _logger.InputDiscarded(connection.ConnectionId, _server.Name, connection.DiscardedBytes);
            }
        }
        finally
        {
            _gate.Release(connection);
            Interlocked.Decrement(ref _connections);
            Release();
        }
    }

    private void OnAccepted(TransportConnection connection)
    {
        Interlocked.Increment(ref _active);
        Interlocked.Increment(ref _connections);
        _dispatcher.Dispatch(connection, Pipeline);
    }

    private void Release()
    {
        if (Interlocked.Decrement(ref _active) == 0)
        {
            _dispatcher.Dispose();
            _empty.TrySetResult();
        }

        _server.OnConnectionGone();
    }
}
