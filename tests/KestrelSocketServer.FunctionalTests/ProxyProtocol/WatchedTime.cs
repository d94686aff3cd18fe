using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

/// <summary>A clock that the test turns once somebody waits by it.</summary>
/// <param name="watched">The time of the timers that are waited for.</param>
internal sealed class WatchedTime(TimeSpan watched) : FakeTimeProvider
{
    private readonly Channel<ITimer> _timers = Channel.CreateUnbounded<ITimer>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime == watched)
        {
            _timers.Writer.TryWrite(timer);
        }

        return timer;
    }

    /// <summary>Waits until the next timer of that time is there.</summary>
    public Task TimerAsync() => _timers.Reader.ReadAsync().Soon();
}
