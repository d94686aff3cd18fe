using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>
/// Looks after event loops: one that the same handler holds for too long goes on, for all other connections, on another thread. It
/// sleeps while the loops do.
/// </summary>
internal sealed class EventLoopMonitor : IDisposable
{
    // Looks without anything happening after which it sleeps until a loop wakes it.
    private const int IdleLooks = 20;

    private readonly LoopThreads _threads;
    private readonly TimeSpan _interval;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _active = new(0);
    private EventLoop[] _loops = [];
    private bool _outOfThreads;
    private int _asleep;
    private volatile bool _stopped;

    /// <param name="threads">Where threads come from.</param>
    /// <param name="limit">How long a handler may hold a loop; it is found out within half as long again.</param>
    /// <param name="logger">Told when there is no thread left.</param>
    public EventLoopMonitor(LoopThreads threads, TimeSpan limit, ILogger logger)
    {
        _threads = threads;
        _interval = TimeSpan.FromMilliseconds(Math.Max(1, limit.TotalMilliseconds / 2));
        _logger = logger;
    }

    public void Start(EventLoop[] loops)
    {
        _loops = loops;
        new Thread(Run) { IsBackground = true, Name = "Socket event loop monitor" }.UnsafeStart();
    }

    /// <summary>A loop has something to do. Costs a look at a field as long as the monitor is awake.</summary>
    public void OnActive()
    {
        if (Volatile.Read(ref _asleep) != 0 && Interlocked.Exchange(ref _asleep, 0) != 0)
        {
            _active.Release();
        }
    }

    public void Dispose()
    {
        _stopped = true;
        OnActive();
    }

    private void Run()
    {
        var looks = new Look[_loops.Length];
        int idle = 0;
        while (!_stopped)
        {
            Thread.Sleep(_interval);
            bool active = false;
            for (int i = 0; i < looks.Length; i++)
            {
                active |= LookAfter(_loops[i], ref looks[i]);
            }

            idle = active ? 0 : idle + 1;
            if (idle == IdleLooks)
            {
                Sleep(looks);
                idle = 0;
            }
        }
    }

    // Returns whether anything has happened, or runs.
    private bool LookAfter(EventLoop loop, ref Look look)
    {
        long state = loop.State;
        bool isNew = state != look.State;
        look = isNew ? new Look(state, 0) : look with { Repeats = look.Repeats + 1 };
        if (state % 2 == 0)
        {
            return isNew;
        }

        // The second time in a row: the limit is over. Once would not do, as the whole process may have stood still.
        if (look.Repeats >= 2)
        {
            HandOver(loop, state);
        }

        return true;
    }

    private void HandOver(EventLoop loop, long state)
    {
        if (_threads.Take() is not { } thread)
        {
            if (!_outOfThreads)
            {
                _outOfThreads = true;
                _logger.NoLoopThread();
            }

            return;
        }

        _outOfThreads = false;
        object? running = loop.Running;
        if (!loop.TryTake(state))
        {
            _threads.GiveBack(thread);
            return;
        }

        thread.Serve(loop, state + 1);
        (running as ILoopWork)?.OnBlocked();
    }

    private void Sleep(Look[] looks)
    {
        Interlocked.Exchange(ref _asleep, 1);
        for (int i = 0; i < looks.Length; i++)
        {
            if (_loops[i].State != looks[i].State)
            {
                OnActive();
            }
        }

        if (_stopped)
        {
            OnActive();
        }

        _active.Wait();
    }

    private readonly record struct Look(long State, int Repeats);
}
