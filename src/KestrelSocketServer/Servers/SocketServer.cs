using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>
/// A named endpoint. It outlives the times when it listens, so that whoever had it injected keeps its subscriptions when
/// it is closed and listens again.
/// </summary>
internal sealed class SocketServer(string name, ILogger logger) : ISocketServer
{
    private readonly ConcurrentDictionary<SocketConnection, bool> _connections = new();
    private readonly Lock _lock = new();
    private readonly List<EndpointBinding> _bindings = [];
    private EndpointBinding? _binding;
    private bool _paused;

    public event Action<ISocketConnection>? Connection;

    public event Action<SocketServerError>? Error;

    public string Name { get; } = name;

    public string? Address => EndPointFormatter.Format(EndPoint);

    public EndPoint? EndPoint => _binding?.Listener.EndPoint;

    public IReadOnlyCollection<ISocketConnection> Connections => [.. _connections.Keys];

    public bool IsAcceptingPaused => _paused;

    public bool IsListening => _binding is not null;

    /// <summary>Whether somebody waits for connections: then the endpoint needs no handler of its own.</summary>
    public bool HasConnectionSubscriber => Connection is not null;

    public void PauseAccepting()
    {
        lock (_lock)
        {
            _paused = true;
            _binding?.Listener.Pause();
        }

        logger.AcceptingPaused(Name);
    }

    public void ResumeAccepting()
    {
        lock (_lock)
        {
            _paused = false;
            _binding?.Listener.Resume();
        }

        logger.AcceptingResumed(Name);
    }

    public Task CloseAsync(CancellationToken cancellationToken = default)
        => TakeBinding() is { } binding ? binding.CloseAsync().WaitAsync(cancellationToken) : Task.CompletedTask;

    /// <summary>Ends all that is left of the server, connections of earlier times included.</summary>
    public Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        TakeBinding();
        EndpointBinding[] bindings;
        lock (_lock)
        {
            bindings = [.. _bindings];
        }

        return Task.WhenAll(bindings.Select(binding => binding.StopAsync(timeout, cancellationToken)));
    }

    /// <summary>Takes over a binding that was started.</summary>
    public void Attach(EndpointBinding binding)
    {
        lock (_lock)
        {
            _bindings.RemoveAll(earlier => earlier.HasEnded);
            _bindings.Add(binding);
            _binding = binding;
            if (_paused)
            {
                binding.Listener.Pause();
            }
        }

        logger.Listening(Name, Address!);
    }

    public void Add(SocketConnection connection) => _connections.TryAdd(connection, true);

    public void Remove(SocketConnection connection) => _connections.TryRemove(connection, out _);

    /// <remarks>An exception of a subscriber is the caller's: it belongs to the connection (row L12).</remarks>
    public void RaiseConnection(ISocketConnection connection) => Connection?.Invoke(connection);

    public void RaiseError(SocketServerError error)
    {
        try
        {
            Error?.Invoke(error);
        }
        catch (Exception exception)
        {
            logger.SubscriberFault(exception, Name);
        }
    }

    private EndpointBinding? TakeBinding()
    {
        EndpointBinding? binding;
        lock (_lock)
        {
            binding = _binding;
            _binding = null;
        }

        if (binding is not null)
        {
            logger.StoppedListening(Name, EndPointFormatter.Format(binding.Listener.EndPoint)!);
        }

        return binding;
    }
}
