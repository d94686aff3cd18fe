using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>
/// A named endpoint. It outlives the times when it listens, so that whoever had it injected keeps its subscriptions when
/// it is closed and listens again.
/// </summary>
internal sealed class SocketServer(string name, ILogger logger, Action onChanged) : ISocketServer
{
    private readonly HashSet<SocketConnection> _connections = [];
    private readonly Lock _lock = new();
    private readonly List<EndpointBinding> _bindings = [];
    private EndpointBinding? _binding;
    private bool _paused;
    private bool _stopping;

    public event Action<ISocketConnection>? Connection;

    public event Action<SocketServerError>? Error;

    public string Name { get; } = name;

    public string? Address => EndPointFormatter.Format(EndPoint);

    public EndPoint? EndPoint => _binding?.Listener.EndPoint;

    public IReadOnlyCollection<ISocketConnection> Connections
    {
        get
        {
            lock (_connections)
            {
                return [.. _connections];
            }
        }
    }

    public bool IsAcceptingPaused => _paused;

    public bool IsListening => _binding is not null;

    /// <summary>What it listens with, null when it does not.</summary>
    public EndpointBinding? Binding => _binding;

    /// <summary>The plan that it follows, null where it was started at run time.</summary>
    public AppliedEndpoint? Applied { get; private set; }

    /// <summary>The handlers of its endpoint: they outlive changes of its configuration, with all they know.</summary>
    public ConcurrentDictionary<Type, ConnectionHandler> Handlers { get; } = new();

    /// <summary>The certificates of its endpoint, which outlive changes of its configuration too; null before it first listens.</summary>
    public CertificateSources? Certificates { get; private set; }

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

        SocketConnection[] connections;
        lock (_connections)
        {
            _stopping = true;
            connections = [.. _connections];
        }

        Array.ForEach(connections, static connection => connection.OnStopping());

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
        logger.Listening(Name, Address!);
        onChanged();
    }

    /// <summary>Follows a plan from now on.</summary>
    public void Apply(EndpointPlan plan, EndpointContext context, ConnectionDelegate pipeline)
    {
        Applied = new AppliedEndpoint(plan, context);
        Certificates = context.Certificates;
        _binding?.Update(context, pipeline);
    }

    /// <summary>Follows no plan any more.</summary>
    public void Forget() => Applied = null;

    public void Add(SocketConnection connection)
    {
        bool stopping;
        lock (_connections)
        {
            _connections.Add(connection);
            stopping = _stopping;
        }

        if (stopping)
        {
            connection.OnStopping();
        }
    }

    public void Remove(SocketConnection connection)
    {
        lock (_connections)
        {
            _connections.Remove(connection);
        }
    }

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
            logger.SubscriberFault(exception, $"endpoint {Name}");
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
            logger.StoppedListening(Name, EndPointFormatter.Format(binding.Listener.EndPoint)!);
            onChanged();
        }

        return binding;
    }
}
