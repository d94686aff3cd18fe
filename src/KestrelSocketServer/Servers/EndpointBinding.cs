using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer;

/// <summary>One period of listening of a server: its socket, and the Kestrel server that runs the connections accepted there.</summary>
#pragma warning disable CA1001 // Both are disposed of when the last connection is gone.
internal sealed class EndpointBinding
#pragma warning restore CA1001
{
    private readonly SocketServer _server;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private KestrelServer? _kestrel;
    private SocketListener? _listener;

    // The listener counts as one, so that the count reaches zero once: when it is closed and the last connection is gone.
    private int _active = 1;
    private int _closed;

    private EndpointBinding(SocketServer server, ILogger logger, TimeProvider timeProvider)
    {
        _server = server;
        _logger = logger;
        _timeProvider = timeProvider;
    }

    public SocketListener Listener => _listener!;

    /// <summary>Whether it is closed and its last connection is gone.</summary>
    public bool HasEnded => _empty.Task.IsCompleted;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="InvalidOperationException">The endpoint has no handler, or an option that it cannot have.</exception>
    /// <exception cref="IOException">The address cannot be listened on (row A13).</exception>
    public static async Task<EndpointBinding> StartAsync(
        SocketServer server,
        ListenAddress address,
        Action<ListenOptions> configure,
        EndpointContext context,
        SocketConnectionContextFactory connectionFactory,
        ILoggerFactory loggerFactory,
        CancellationToken cancellationToken)
    {
        var binding = new EndpointBinding(server, context.Settings.Logger, context.Settings.TimeProvider);
        var options = new KestrelServerOptions { ApplicationServices = context };
        options.Listen(address.EndPoint, listen =>
        {
            // No HTTP, and no HTTP protocol advertised by TLS.
            listen.Protocols = HttpProtocols.None;
            listen.Use(binding.Track);
            configure(listen);
            context.Complete(listen, address);
        });

        Socket socket = ListeningSocket.Bind(server.Name, address, context.Listener);
        binding._listener = new SocketListener(server, socket, connectionFactory, binding.OnAccepted, binding._logger, binding._timeProvider);
        binding._kestrel = new KestrelServer(Options.Create(options), new SingleListenerFactory(binding._listener), loggerFactory);
        try
        {
            await binding._kestrel.StartAsync(new NoHttpApplication(), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await binding._listener.DisposeAsync().ConfigureAwait(false);
            binding._kestrel.Dispose();
            throw;
        }

        return binding;
    }

    /// <summary>Stops listening at once. Connections live on; what is left of the server ends with the last of them.</summary>
    public async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return;
        }

        await Listener.UnbindAsync().ConfigureAwait(false);
        Release();
        _ = StopWhenEmptyAsync();
    }

    /// <summary>
    /// Stops listening at once, tells the connections, waits for them to end until the time-out or the token, and closes the
    /// rest.
    /// </summary>
    public async Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        await CloseAsync().ConfigureAwait(false);

        using var timer = new CancellationTokenSource(timeout, _timeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        using CancellationTokenRegistration timedOut = linked.Token.UnsafeRegister(_ => OnTimedOut(timeout), null);
        await _kestrel!.StopAsync(linked.Token).ConfigureAwait(false);
    }

    private void OnTimedOut(TimeSpan timeout)
    {
        if (!HasEnded)
        {
            _logger.ShutdownTimedOut(_server.Name, Volatile.Read(ref _active), timeout);
        }
    }

    private void OnAccepted() => Interlocked.Increment(ref _active);

    private ConnectionDelegate Track(ConnectionDelegate next) => async context =>
    {
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            Release();
        }
    };

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
        await _kestrel!.StopAsync(CancellationToken.None).ConfigureAwait(false);
        _kestrel.Dispose();
    }
}
