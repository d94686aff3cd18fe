using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer;

/// <summary>One period of listening of a server: its sockets, and what runs the connections accepted there.</summary>
#pragma warning disable CA1001 // Both are disposed of when the last connection is gone.
internal sealed class EndpointBinding
#pragma warning restore CA1001
{
    // A handler may never return.
    private static readonly TimeSpan AbortTime = TimeSpan.FromSeconds(1);

    private readonly SocketServer _server;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConnectionRunner _runner;
    private readonly KestrelServer _kestrel;
    private EndpointPipeline _pipeline;

    private readonly CancellationTokenSource _abort = new();

    // Each listener counts as one until its last accept has returned, so that the count reaches zero once: when nothing can
    // be accepted any more and the last connection is gone.
    private int _active;
    private int _closed;
    private Task? _abortTime;

    private EndpointBinding(
        EndpointContext context, IReadOnlyList<Socket> sockets, EndpointPipeline pipeline, SocketTransport transport, ILoggerFactory loggerFactory)
    {
        Context = context;
        _server = context.Server;
        _logger = context.Settings.Logger;
        _timeProvider = context.Settings.TimeProvider;
        _pipeline = pipeline;
        _runner = new ConnectionRunner(_server, _logger, _timeProvider);
        var observer = new TransportObserver(context.OnHandlerBlocked, _runner.OnFault, OnDisposed);
        SocketListener[] listeners = [.. sockets.Select((socket, number) => new SocketListener(
            context,
            socket,
            transport.CreateAcceptor(socket, sockets.Count == 1 ? null : number, observer),
            OnAccepted,
            Release))];
        _active = listeners.Length;
        Listener = new ListenerGroup(listeners);

        var options = new KestrelServerOptions { ApplicationServices = context };
        foreach (SocketListener listener in listeners)
        {
            options.Listen(listener.EndPoint, listen =>
            {
                listen.Protocols = HttpProtocols.None;
                listen.Use(_ => connection => Pipeline.Run(connection));
            });
        }

        _kestrel = new KestrelServer(Options.Create(options), new BoundListenerFactory(listeners), loggerFactory);
    }

    public ListenerGroup Listener { get; }

    /// <summary>Whether it is closed and its last connection is gone.</summary>
    public bool HasEnded => _empty.Task.IsCompleted;

    /// <summary>What the pipeline was built with.</summary>
    public EndpointContext Context { get; private set; }

    /// <summary>What runs the connections.</summary>
    public EndpointPipeline Pipeline => Volatile.Read(ref _pipeline);

    /// <summary>Starts to accept.</summary>
    public static async Task<EndpointBinding> StartAsync(
        IReadOnlyList<Socket> sockets,
        EndpointContext context,
        EndpointPipeline pipeline,
        SocketTransport transport,
        ILoggerFactory loggerFactory,
        CancellationToken cancellationToken)
    {
        EndpointBinding binding;
        try
        {
            binding = new EndpointBinding(context, sockets, pipeline, transport, loggerFactory);
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

        try
        {
            await binding._kestrel.StartAsync(new NoHttpApplication(), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Thrown on, once nothing listens any more.
            binding.Listener.Unbind();
            binding._kestrel.Dispose();
            throw;
        }

        return binding;
    }

    /// <summary>Changes what holds for the connections that are accepted from now on.</summary>
    public void Update(EndpointContext context, EndpointPipeline pipeline)
    {
        Listener.Configure(context.Listener);
        Context = context;
        Volatile.Write(ref _pipeline, pipeline);
    }

    /// <summary>Stops listening at once. Connections live on; what is left of the server ends with the last of them.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            Listener.Unbind();
            _ = StopWhenEmptyAsync();
        }
    }

    /// <summary>
    /// Stops listening at once, tells the connections, waits for them to end until the time-out or the token, and closes the
    /// rest.
    /// </summary>
    public async Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        Close();

        using var timer = new CancellationTokenSource(timeout, _timeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        using CancellationTokenRegistration timedOut = linked.Token.UnsafeRegister(_ => OnTimedOut(timeout), null);
        _runner.RequestClose();
        await Task.WhenAll(_kestrel.StopAsync(_abort.Token), WaitUntilEmptyAsync()).ConfigureAwait(false);
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
            Release();
        }
    }

    private async Task WaitUntilEmptyAsync()
    {
        try
        {
            await _empty.Task.WaitAsync(_abort.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The connections were aborted: their handlers get a moment to return. One only, as a host stops the server and then disposes
            // of it.
            _abortTime ??= Task.Delay(AbortTime, _timeProvider);
            await Task.WhenAny(_empty.Task, _abortTime).ConfigureAwait(false);
        }
    }

    private void OnTimedOut(TimeSpan timeout)
    {
        if (!HasEnded)
        {
            _logger.ShutdownTimedOut(_server.Name, Volatile.Read(ref _active), timeout);
        }

        _abort.Cancel();
        _runner.Abort();
    }

    // Returns whether the connection is on its way. Those with Kestrel's own TLS are left to it, as its middleware wants.
    private bool OnAccepted(TransportConnection connection)
    {
        Interlocked.Increment(ref _active);
        EndpointPipeline pipeline = Pipeline;
        if (pipeline.NeedsKestrel)
        {
            return false;
        }

        _runner.Start(connection, pipeline.Run);
        return true;
    }

    private void Release()
    {
        if (Interlocked.Decrement(ref _active) == 0)
        {
            _empty.TrySetResult();
        }
    }

    private async Task StopWhenEmptyAsync()
    {
        await _empty.Task.ConfigureAwait(false);
        // Not without end: the handlers have returned, but what they wrote may still be on its way to a peer that does not
        // read, and a shutdown that comes meanwhile waits for this one.
        await _kestrel.StopAsync(_abort.Token).ConfigureAwait(false);
        _kestrel.Dispose();
        _runner.Dispose();
    }
}
