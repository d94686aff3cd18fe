namespace KestrelSocketServer.Diagnostics;

/// <summary>Keeps something that may happen again and again from being logged more often than once in a while.</summary>
internal sealed class LogInterval(TimeProvider timeProvider, TimeSpan interval)
{
    private readonly Lock _lock = new();
    private long? _last;
    private int _count;

    /// <summary>It has happened. Returns how often since it was logged last when it is to be logged now, and otherwise zero.</summary>
    public int Count()
    {
        lock (_lock)
        {
            _count++;
            if (_last is { } last && timeProvider.GetElapsedTime(last) < interval)
            {
                return 0;
            }

            int count = _count;
            _last = timeProvider.GetTimestamp();
            _count = 0;
            return count;
        }
    }
}
