using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.Connections;

/// <summary>
/// Ends a connection on which nothing was received nor sent for too long. It looks once a second, so that a message costs no more
/// than a flag.
/// </summary>
#pragma warning disable CA1001 // Stopped when the connection is over.
internal sealed class IdleWatch
#pragma warning restore CA1001
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly IActivity _activity;
    private readonly IConnectionHeartbeatFeature? _heartbeat;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _timeProvider;
    private SocketConnection? _connection;
    private ITimer? _timer;
    private long _lastActive;
    private volatile bool _stopped;

    /// <param name="context">The connection.</param>
    /// <param name="activity">Tells whether it is used.</param>
    /// <param name="timeout">How long it may be idle.</param>
    /// <param name="timeProvider">The time.</param>
    public IdleWatch(ConnectionContext context, IActivity activity, TimeSpan timeout, TimeProvider timeProvider)
    {
        _heartbeat = context.Features.Get<IConnectionHeartbeatFeature>();
        _timeout = timeout;
        _timeProvider = timeProvider;
        _activity = activity;
    }

    public void Start(SocketConnection connection)
    {
        _connection = connection;
        _lastActive = _timeProvider.GetTimestamp();
        if (_heartbeat is not null)
        {
            _heartbeat.OnHeartbeat(static watch => ((IdleWatch)watch).Check(), this);
        }
        else
        {
            _timer = _timeProvider.CreateTimer(static watch => ((IdleWatch)watch!).Check(), this, Interval, Interval);
        }
    }

    public void Stop()
    {
        _stopped = true;
        _timer?.Dispose();
    }

    private void Check()
    {
        if (_stopped)
        {
            return;
        }

        bool active = _activity.TakeActivity();
        long now = _timeProvider.GetTimestamp();
        if (active)
        {
            _lastActive = now;
            return;
        }

        TimeSpan idle = _timeProvider.GetElapsedTime(_lastActive, now);
        if (idle >= _timeout)
        {
            Stop();
            _connection!.OnIdle(idle);
        }
    }
}
