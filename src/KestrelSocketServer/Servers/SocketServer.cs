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
internal sealed class SocketServer : ISocketServer
{
    private readonly ILogger _logger;
    private readonly Action _onChanged;
    private readonly Lock _lock = new();
    private readonly List<EndpointBinding> _bindings = [];
    private EndpointBinding? _binding;
    private bool _paused;

    public SocketServer(string name, ILogger logger, TimeProvider timeProvider, Action onChanged)
    {
        (Name, _logger, _onChanged) = (name, logger, onChanged);
        OpenConnections = new EndpointConnections(this, name, logger);
        Gate = new AcceptGate(timeProvider, new RefusalLog(name, logger, timeProvider, OpenConnections.RaiseError));
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

    /// <summary>Ends all that is left of the server, connections of earlier times included.</summary>
    public Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        TakeBinding();
        EndpointBinding[] bindings;
        lock (_lock)
        {
            bindings = [.. _bindings];
        }

        OpenConnections.Stop();
        return Task.WhenAll(bindings.Select(binding => binding.StopAsync(timeout, cancellationToken)));
    }

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
