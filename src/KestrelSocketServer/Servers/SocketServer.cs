using System.Collections.Concurrent;
using System.Net;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Servers;

/// <summary>
/// A named endpoint. It outlives the times when it listens, so that whoever had it injected keeps its subscriptions when
/// it is closed and listens again.
/// </summary>
#pragma warning disable CA1001 // What cancels its wait holds nothing.
internal sealed class SocketServer : ISocketServer
#pragma warning restore CA1001
{
    private readonly ILogger _logger;
    private readonly TimeProvider _timeProvider;
    private readonly Action _onChanged;
    private readonly Lock _lock = new();
    private readonly List<EndpointBinding> _bindings = [];

    // Without a timer and a wait handle it holds nothing.
    private readonly CancellationTokenSource _aborted = new();
    private EndpointBinding? _binding;
    private bool _paused;

    public SocketServer(string name, ILogger logger, TimeProvider timeProvider, Action onChanged)
    {
        (Name, _logger, _timeProvider, _onChanged) = (name, logger, timeProvider, onChanged);
        OpenConnections = new EndpointConnections(this, name, logger);
        Gate = new AcceptGate(timeProvider, new RefusalLog(name, logger, timeProvider, OpenConnections.RaiseError));
        OpenConnections.Removed += OnConnectionGone;
    }

    public event Action<ISocketConnection>? Connection
    {
        add => OpenConnections.Connection += value;
        remove => OpenConnections.Connection -= value;
    }

    public event Action<SocketServerError>? Error
    {
        add => OpenConnections.Error += value;
        remove => OpenConnections.Error -= value;
    }

    /// <summary>A connection is over.</summary>
    public event Action? ConnectionGone;

    public string Name { get; }

    public string? Address => EndPointFormatter.Format(EndPoint);

    public EndPoint? EndPoint => _binding?.Listener.EndPoint;

    public IReadOnlyCollection<ISocketConnection> Connections => OpenConnections.ToArray();

    /// <summary>The connections that are open, and whoever subscribed to them.</summary>
    public EndpointConnections OpenConnections { get; }

    /// <summary>Decides on its clients, and counts them over changes of its configuration.</summary>
    public AcceptGate Gate { get; }

    public bool IsAcceptingPaused => _paused;

    public bool IsListening => _binding is not null;

    /// <summary>
    /// How many connections there are, of earlier times too, in their handshake and with their end on the way; in memory, where it does not
    /// listen, how many are open.
    /// </summary>
    public int ConnectionCount => Bindings is { Length: > 0 } bindings ? bindings.Sum(static binding => binding.ConnectionCount) : OpenConnections.Count;

    /// <summary>Whether there is no connection, and none can come any more.</summary>
    public bool HasEnded => Bindings is { Length: > 0 } bindings ? Array.TrueForAll(bindings, static binding => binding.HasEnded) : OpenConnections.Count == 0;

    /// <summary>What it listens with, null when it does not.</summary>
    public EndpointBinding? Binding => _binding;

    /// <summary>The handlers of its endpoint: they outlive changes of its configuration, with all they know.</summary>
    public ConcurrentDictionary<Type, ConnectionHandler> Handlers { get; } = new();

    /// <summary>The certificates of its endpoint, which outlive changes of its configuration too; null before it first listens.</summary>
    public CertificateSources? Certificates { get; private set; }

    public void PauseAccepting()
    {
        lock (_lock)
        {
            _paused = true;
            _binding?.Listener.Pause();
        }

        _logger.AcceptingPaused(Name);
    }

    public void ResumeAccepting()
    {
        lock (_lock)
        {
            _paused = false;
            _binding?.Listener.Resume();
        }

        _logger.AcceptingResumed(Name);
    }

    public Task CloseAsync(CancellationToken cancellationToken = default)
    {
        TakeBinding()?.Close();
        return Task.CompletedTask;
    }

    public async Task<int> DrainAsync(SocketDrainOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SocketDrainOptions();
        options.Validate();
        long start = _timeProvider.GetTimestamp();
        int left = await new ConnectionDrain([this], options, _timeProvider)
            .RunAsync((left, passed) => _logger.Draining(Name, left, passed), cancellationToken).ConfigureAwait(false);
        _logger.Drained(Name, left, _timeProvider.GetElapsedTime(start));
        return left;
    }

    /// <summary>Ends all that is left of the server, connections of earlier times included: asks them, waits, and closes the rest.</summary>
    public async Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        // A later stop that waits no longer ends the wait of an earlier one.
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _aborted.Token);
        try
        {
            await new ConnectionDrain([this], new SocketDrainOptions { Timeout = timeout }, _timeProvider)
                .RunAsync((left, passed) => _logger.Draining(Name, left, passed), linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Nobody waits any more.
        }

        if (!HasEnded)
        {
            await _aborted.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(Bindings.Select(binding => binding.AbortAsync(timeout))).ConfigureAwait(false);
        }
    }

    /// <summary>Stops listening, and tells the connections that still come that the server stops.</summary>
    /// <returns>What tells the others, one by one: the connections of handlers, and those of middleware, of each time when it listened.</returns>
    public IEnumerable<IReadOnlyList<Action>> BeginStopping()
    {
        TakeBinding();
        return [OpenConnections.BeginStopping(), .. Bindings.Select(static binding => binding.BeginStopping())];
    }

    /// <summary>A connection is over, and all of it given back.</summary>
    public void OnConnectionGone() => ConnectionGone?.Invoke();

    /// <summary>Takes over a binding that was started, in place of the one that it has, whose connections live on.</summary>
    public void Replace(EndpointBinding binding)
    {
        EndpointBinding? previous;
        lock (_lock)
        {
            previous = _binding;
            _bindings.RemoveAll(earlier => earlier.HasEnded);
            _bindings.Add(binding);
            _binding = binding;
            if (_paused)
            {
                binding.Listener.Pause();
            }
            else
            {
                // It may have been started while the server was paused still.
                binding.Listener.Resume();
            }
        }

        previous?.Close();
        OpenConnections.Restart();
        Certificates = binding.Context.Certificates;
        _logger.Listening(Name, Address!);
        _onChanged();
    }

    /// <summary>Changes what holds for the connections that are accepted from now on.</summary>
    public void Update(EndpointContext context, ConnectionDelegate pipeline)
    {
        Certificates = context.Certificates;
        _binding?.Update(context, pipeline);
    }

    private EndpointBinding[] Bindings
    {
        get
        {
            lock (_lock)
            {
                return [.. _bindings];
            }
        }
    }

    private EndpointBinding? TakeBinding()
    {
        EndpointBinding? binding;
        lock (_lock)
        {
            binding = _binding;
            _binding = null;

            // Inside the lock: whoever finds it closed already may bind the port at once.
            binding?.Listener.Unbind();
        }

        if (binding is not null)
        {
            _logger.StoppedListening(Name, EndPointFormatter.Format(binding.Listener.EndPoint)!);
            _onChanged();
        }

        return binding;
    }
}
