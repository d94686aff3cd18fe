namespace KestrelSocketServer.Connections;

/// <summary>
/// One timer for the time-outs of all connections. It ticks while there is one that has a time-out, and costs them nothing in between.
/// </summary>
internal sealed class ConnectionClock : IDisposable
{
    /// <summary>The time between two ticks: what happens between them is noticed with the next, so that a time-out comes twice that late at most.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    // So few at a time that nobody who adds or removes one waits for long.
    private const int BatchSize = 64;

    private readonly TimeProvider _timeProvider;
    private readonly long _start;
    private readonly Lock _lock = new();
    private readonly IClockItem?[] _batch = new IClockItem?[BatchSize];
    private readonly ITimer _timer;
    private IClockItem?[] _items = [];
    private int _count;
    private int _ticks;
    private bool _isDisposed;

    public ConnectionClock(TimeProvider timeProvider)
    {
        _timeProvider = timeProvider;
        _start = timeProvider.GetTimestamp();

        // Made here, as it keeps what flows where it is made: not the flow of the first connection.
        _timer = timeProvider.CreateTimer(static clock => ((ConnectionClock)clock!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public ClockTime Now => new(_timeProvider.GetElapsedTime(_start).Ticks);

    public void Add(IClockItem item)
    {
        lock (_lock)
        {
            if (_count == _items.Length)
            {
                Array.Resize(ref _items, Math.Max(16, _count * 2));
            }

            item.ClockIndex = _count;
            _items[_count++] = item;
            if (_count == 1)
            {
                SetInterval(Interval);
            }
        }
    }

    public void Remove(IClockItem item)
    {
        lock (_lock)
        {
            int index = item.ClockIndex;
            if (index < 0 || index >= _count || _items[index] != item)
            {
                return;
            }

            IClockItem last = _items[--_count]!;
            _items[index] = last;
            last.ClockIndex = index;
            _items[_count] = null;
            item.ClockIndex = -1;
            if (_count == 0)
            {
                SetInterval(Timeout.InfiniteTimeSpan);
            }
            else if (_count < _items.Length / 4 && _items.Length > 16)
            {
                Array.Resize(ref _items, _items.Length / 2);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _timer.Dispose();
        }
    }

    private void SetInterval(TimeSpan interval)
    {
        if (!_isDisposed)
        {
            _timer.Change(interval, interval);
        }
    }

    private void Tick()
    {
        // One at a time: the next one comes soon.
        if (Interlocked.Exchange(ref _ticks, 1) == 0)
        {
            ClockTime now = Now;
            int end = int.MaxValue;
            while (TakeBatch(ref end) is > 0 and int count)
            {
                for (int i = 0; i < count; i++)
                {
                    _batch[i]!.OnTick(now);
                    _batch[i] = null;
                }
            }

            Volatile.Write(ref _ticks, 0);
        }
    }

    // From the last one to the first: one that is removed meanwhile is replaced by the last one, which was looked at already, or is not
    // beyond where to go on. So none is left out.
    private int TakeBatch(ref int end)
    {
        lock (_lock)
        {
            end = Math.Min(end, _count);
            int count = Math.Min(end, BatchSize);
            end -= count;
            Array.Copy(_items, end, _batch, 0, count);
            return count;
        }
    }
}
