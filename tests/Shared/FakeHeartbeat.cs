using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.TestSupport;

/// <summary>Takes the place of Kestrel's heartbeat, and beats when it is told to.</summary>
public sealed class FakeHeartbeat : IConnectionHeartbeatFeature
{
    private readonly ConcurrentQueue<(Action<object> Action, object State)> _listeners = new();

    /// <summary>How many listen.</summary>
    public int Listeners => _listeners.Count;

    public void OnHeartbeat(Action<object> action, object state) => _listeners.Enqueue((action, state));

    public void Beat()
    {
        foreach ((Action<object> action, object state) in _listeners)
        {
            action(state);
        }
    }

    /// <summary>Gives the connections of a pipeline this heartbeat.</summary>
    public void Use(IConnectionBuilder builder) => builder.Use(next => context =>
    {
        context.Features.Set<IConnectionHeartbeatFeature>(this);
        return next(context);
    });
}
