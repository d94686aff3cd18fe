using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.Connections;

/// <summary>
/// The time-outs of a connection: looks at it with each tick of the clock, and ends it where a period has lasted too long. There is one for
/// each connection that has a time-out, so it is small.
/// </summary>
internal sealed class ConnectionTimeouts(SocketConnection connection) : IClockItem
{
    // When the periods began, as stamps of the clock.
    private int _idleSince;
    private int _silentSince;
    private int _stalledSince;
    private int _ageSince;

    // What the peer had not acknowledged with the last tick.
    private int _unacknowledged;
    private bool _hasReceived;
    private bool _isHalfClosed;
    private bool _isToEnd;
    private volatile bool _isOver;

    public int ClockIndex { get; set; } = -1;

    private SocketConnectionOptions Options => connection.Settings.Options;

    /// <summary>The connection event is next.</summary>
    public void Start(ConnectionContext context)
    {
        ConnectionClock clock = connection.Settings.Clock;
        ClockTime now = clock.Now;
        _idleSince = _silentSince = _stalledSince = now.Stamp;
        if (Options.MaxConnectionAge is { } age)
        {
            _ageSince = now.Add(age * Options.MaxConnectionAgeJitter * Random.Shared.NextDouble()).Stamp;
        }

        // What came before was for TLS, or another middleware.
        _ = connection.Transport.TakeActivity();
        if (connection.Settings.Endpoint is null && context.Features.Get<IConnectionHeartbeatFeature>() is { } heartbeat)
        {
            heartbeat.OnHeartbeat(static timeouts => ((ConnectionTimeouts)timeouts).OnTick(), this);
        }
        else
        {
            clock.Add(this);
        }
    }

    public void Stop()
    {
        _isOver = true;
        connection.Settings.Clock.Remove(this);
    }

    public void OnTick(ClockTime now)
    {
        try
        {
            if (!_isOver)
            {
                Look(now);
            }
        }
        catch (Exception exception)
        {
            // Beyond the timer it would end the process, and the others would not be looked at.
            connection.Settings.Logger.TimeoutFault(exception, connection.Id);
        }
    }

    private void OnTick() => OnTick(connection.Settings.Clock.Now);

    private void Look(ClockTime now)
    {
        Activity activity = connection.Transport.TakeActivity();
        if (connection.IsPaused || connection.IsReadingOver)
        {
            activity &= ~Activity.Reading;
        }

        if (Look(activity, now) is { } expired)
        {
            // Once: what comes after it takes its own time.
            _isOver = true;
            connection.OnTimedOut(expired.Reason, expired.What, expired.Option, expired.Passed, expired.Allowed);
        }
    }

    private Expired? Look(Activity activity, ClockTime now)
        => LookForSilence(activity, now) ?? LookForStall(activity, now) ?? LookForIdleness(activity, now) ?? LookForAge(now);

    // What nobody reads is no fault of the peer's.
    private Expired? LookForSilence(Activity activity, ClockTime now)
    {
        bool received = (activity & Activity.Received) != 0;
        _hasReceived |= received || connection.HasReceived;
        if (received || (activity & Activity.Reading) == 0)
        {
            _silentSince = now.Stamp;
            return null;
        }

        TimeSpan silent = now.Since(_silentSince);
        Expired? expired = (_hasReceived ? null : Expired.If(
                silent, Options.FirstByteTimeout, nameof(Options.FirstByteTimeout), SocketCloseReason.FirstByteTimeout, "received nothing since it was opened"))
            ?? Expired.If(silent, Options.ReadTimeout, nameof(Options.ReadTimeout), SocketCloseReason.ReadTimeout, "received nothing");
        if (expired is not null && connection.Transport.HasUnread)
        {
            // It was sent in time: this process was held up.
            _silentSince = now.Stamp;
            return null;
        }

        return expired;
    }

    // Progress counts, however slow: what the system has taken, and what the peer has acknowledged of that.
    private Expired? LookForStall(Activity activity, ClockTime now)
    {
        if (Options.WriteTimeout is not { } allowed)
        {
            return null;
        }

        bool progresses = (activity & Activity.Sent) != 0;
        if (progresses || _unacknowledged > 0)
        {
            int unacknowledged = connection.Transport.CountUnacknowledged();
            progresses |= unacknowledged < _unacknowledged;
            _unacknowledged = unacknowledged;
        }

        if (progresses || (_unacknowledged == 0 && (activity & Activity.Unsent) == 0))
        {
            _stalledSince = now.Stamp;
            return null;
        }

        return Expired.If(
            now.Since(_stalledSince), allowed, nameof(Options.WriteTimeout), SocketCloseReason.WriteTimeout, "something to send of which its peer took nothing");
    }

    private Expired? LookForIdleness(Activity activity, ClockTime now)
    {
        bool isHalfClosed = connection.IsHalfClosed;
        bool isActive = (activity & (Activity.Received | Activity.Sent)) != 0
            || (!connection.Transport.TellsWhatIsSent && (activity & Activity.Unsent) != 0);
        if (isActive || isHalfClosed != _isHalfClosed)
        {
            _isHalfClosed = isHalfClosed;
            _idleSince = now.Stamp;
            return null;
        }

        TimeSpan idle = now.Since(_idleSince);
        Expired? expired = (!isHalfClosed ? null : Expired.If(
                idle, Options.HalfClosedTimeout, nameof(Options.HalfClosedTimeout), SocketCloseReason.HalfClosedTimeout, "been half closed and idle"))
            ?? Expired.If(idle, Options.IdleTimeout, nameof(Options.IdleTimeout), SocketCloseReason.Idle, "received and sent nothing");
        if (expired is not null && (activity & Activity.Reading) != 0 && connection.Transport.HasUnread)
        {
            _idleSince = now.Stamp;
            return null;
        }

        return expired;
    }

    private Expired? LookForAge(ClockTime now)
    {
        if (Options.MaxConnectionAge is not { } age)
        {
            return null;
        }

        TimeSpan passed = now.Since(_ageSince);
        if (!_isToEnd && passed >= age)
        {
            _isToEnd = true;
            _ageSince = now.Stamp;
            connection.OnStopping();
            return null;
        }

        return !_isToEnd ? null : Expired.If(
            passed, Options.MaxConnectionAgeGrace, nameof(Options.MaxConnectionAgeGrace), SocketCloseReason.MaxAge, $"gone on after reaching {nameof(Options.MaxConnectionAge)}");
    }

    private sealed record Expired(SocketCloseReason Reason, string What, string Option, TimeSpan Passed, TimeSpan Allowed)
    {
        public static Expired? If(TimeSpan passed, TimeSpan? allowed, string option, SocketCloseReason reason, string what)
            => passed >= allowed ? new(reason, what, option, passed, allowed.Value) : null;
    }
}
