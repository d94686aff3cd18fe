using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Messages;

/// <summary>
/// Watches that a message that has begun is complete in time (row M8). A timer runs only while one is incomplete, and is set once for each
/// time-out at most, however many messages there are meanwhile.
/// </summary>
internal sealed class MessageDeadline : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _timeProvider;
    private readonly Action _onExpired;
    private readonly ITimer _timer;
    private long _since;
    private bool _isIncomplete;
    private bool _isTimerSet;
    private bool _isExpired;

    private MessageDeadline(TimeSpan timeout, TimeProvider timeProvider, Action onExpired)
    {
        _timeout = timeout;
        _timeProvider = timeProvider;
        _onExpired = onExpired;
        _timer = timeProvider.CreateTimer(
            static deadline => ((MessageDeadline)deadline!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Null where a message may take for ever.</summary>
    /// <param name="settings">The settings of the connection.</param>
    /// <param name="onExpired">Called on the thread of the timer.</param>
    public static MessageDeadline? Create(ConnectionSettings settings, Action onExpired)
        => settings.Options.MessageTimeout is { } timeout ? new MessageDeadline(timeout, settings.TimeProvider, onExpired) : null;

    /// <summary>Bytes of a message that is not complete are there, and more are waited for.</summary>
    /// <param name="isNext">Whether it is another message than before.</param>
    public void Begin(bool isNext)
    {
        lock (_lock)
        {
            if (!_isIncomplete || isNext)
            {
                _isIncomplete = true;
                _since = _timeProvider.GetTimestamp();
            }

            SetTimer(_timeout);
        }
    }

    /// <summary>No message is waited for.</summary>
    public void End()
    {
        lock (_lock)
        {
            _isIncomplete = false;
            _isExpired = false;
        }
    }

    /// <summary>
    /// Whether the message at hand is late. It has its time once more from now on, for where the peer was not the one to blame.
    /// </summary>
    public bool TakeExpired()
    {
        lock (_lock)
        {
            if (!_isExpired)
            {
                return false;
            }

            _isExpired = false;
            _since = _timeProvider.GetTimestamp();
            SetTimer(_timeout);
            return true;
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Check()
    {
        lock (_lock)
        {
            _isTimerSet = false;
            if (!_isIncomplete)
            {
                return;
            }

            TimeSpan left = _timeout - _timeProvider.GetElapsedTime(_since);
            if (left > TimeSpan.Zero)
            {
                SetTimer(left);
                return;
            }

            _isExpired = true;
        }

        _onExpired();
    }

    private void SetTimer(TimeSpan due)
    {
        if (!_isTimerSet)
        {
            _isTimerSet = true;
            _timer.Change(due, Timeout.InfiniteTimeSpan);
        }
    }
}
