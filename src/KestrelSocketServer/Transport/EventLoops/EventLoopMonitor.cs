using System.Collections.Concurrent;
using System.Diagnostics;
using KestrelSocketServer.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>
/// Looks after event loops: one that the same handler holds for too long goes on, for all other connections, on another thread. It
/// sleeps while the loops do.
/// </summary>
internal sealed class EventLoopMonitor : IDisposable
{
    // How long nothing has to happen for it to sleep until a loop wakes it.
    private static readonly TimeSpan IdleTime = TimeSpan.FromMilliseconds(50);

    // Several handlers that block at once are often the first of many: for some times the limit it looks more often (microseconds),
    // so that the connections that do not block need not wait for the limit once for each that does. One alone may be just a busy
    // machine.
    private const int BlockedForHurry = 2;
    private const uint HurriedInterval = 100;
    private const int HurryLimits = 4;

    private readonly LoopThreads _threads;
    private readonly TimeSpan _limit;
    private readonly TimeSpan _interval;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _active = new(0);
    private readonly ConcurrentQueue<ApartRun> _apart = new();
    private EventLoop[] _loops = [];
    private long _hurryStart;
    private bool _hurries;
    private bool _outOfThreads;
    private int _asleep;
    private volatile bool _stopped;

    /// <param name="threads">Where threads come from.</param>
    /// <param name="limit">How long a handler may hold a loop; it is found out within half as long again.</param>
    /// <param name="logger">Told when there is no thread left.</param>
    public EventLoopMonitor(LoopThreads threads, TimeSpan limit, ILogger logger)
    {
        _threads = threads;
        _limit = limit;
        _interval = TimeSpan.FromMilliseconds(Math.Max(1, limit.TotalMilliseconds / 2));
        _logger = logger;
    }

    public void Start(EventLoop[] loops)
    {
        _loops = loops;
        new Thread(Run) { IsBackground = true, Name = "Socket event loop monitor" }.UnsafeStart();
    }

    /// <summary>A loop runs something, as its state tells by now. Costs a look at a field as long as the monitor is awake.</summary>
    public void OnActive()
    {
        if (Volatile.Read(ref _asleep) != 0 && Interlocked.Exchange(ref _asleep, 0) != 0)
        {
            _active.Release();
        }
    }

    /// <summary>Looks after what runs apart from its loop from now on.</summary>
    public void Watch(ApartRun run)
    {
        _apart.Enqueue(run);
        Interlocked.MemoryBarrier();
        OnActive();
    }

    public void Dispose()
    {
        _stopped = true;
        Interlocked.MemoryBarrier();
        OnActive();
    }

    private void Run()
    {
        var looks = new Look[_loops.Length];
        long lastActive = Stopwatch.GetTimestamp();
        while (!_stopped)
        {
            Pause();
            bool active = LookAfterApart();
            for (int i = 0; i < looks.Length; i++)
            {
                active |= LookAfter(_loops[i], ref looks[i]);
            }

            if (active)
            {
                lastActive = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(lastActive) > IdleTime)
            {
                Sleep(looks);
                lastActive = Stopwatch.GetTimestamp();
            }
        }
    }

    private void Pause()
    {
        _hurries = _hurries && Stopwatch.GetElapsedTime(_hurryStart) < HurryLimits * _limit;
        if (_hurries)
        {
            _ = Libc.Sleep(HurriedInterval);
        }
        else
        {
            Thread.Sleep(_interval);
        }
    }

    // Returns whether anything has happened, or runs.
    private bool LookAfter(EventLoop loop, ref Look look)
    {
        long state = loop.State;
        bool isNew = state != look.State;
        bool isRunning = state % 2 != 0;
        look = isNew ? new Look(state, 0, isRunning ? RunStart.Now(loop.Server!) : default) : look with { Repeats = look.Repeats + 1 };
        if (isRunning && IsTooLong(loop, look))
        {
            HandOver(loop, look);
        }

        return isRunning || isNew;
    }

    // Twice, the limit is over. Once would not do, as the whole process may have stood still; nor does it count when the system has not
    // let the thread run meanwhile. In a hurry both are risked.
    private bool IsTooLong(EventLoop loop, Look look)
        => _hurries ? look.Repeats >= 1 : look.Repeats >= 2 && !loop.Server!.IsStarved(look.Start.ProcessorTime, enough: _limit / 2);

    // Returns whether anything runs that has not taken too long yet. One that the system does not let run keeps no other from being found.
    private bool LookAfterApart()
    {
        bool active = false;
        for (int i = _apart.Count; i > 0 && _apart.TryDequeue(out ApartRun? run); i--)
        {
            LookAfter(run);
            if (!run.IsSettled)
            {
                active = true;
                _apart.Enqueue(run);
            }
        }

        return active;
    }

    private void HandOver(EventLoop loop, in Look look)
    {
        if (_threads.Take() is not { } thread)
        {
            if (!_outOfThreads)
            {
                _outOfThreads = true;
                LogOutOfThreads();
            }

            return;
        }

        _outOfThreads = false;
        LoopThread server = loop.Server!;
        var run = new ApartRun(loop, loop.Running, server, look.Start);
        server.Lost = run;
        if (!loop.TryTake(look.State))
        {
            server.Lost = null;
            _threads.Return(thread);
            return;
        }

        // Before the loop goes on: that may let the handler return, before this thread has another turn.
        LookAfter(run);
        if (!run.IsSettled)
        {
            _apart.Enqueue(run);
        }

        thread.Serve(loop, look.State + 1);
    }

    private void LogOutOfThreads()
    {
        try
        {
            if (_threads.HasMost)
            {
                _logger.NoLoopThread();
            }
            else
            {
                _logger.NoDescriptorForLoopThread();
            }
        }
        catch (Exception)
        {
            // A logger without descriptors of its own: the loops need the monitor more than the line.
        }
    }

    private void LookAfter(ApartRun run)
    {
        if (run.Look(_limit) && run.Loop.OnBlocked() >= BlockedForHurry)
        {
            _hurries = true;
            _hurryStart = Stopwatch.GetTimestamp();
        }
    }

    private void Sleep(Look[] looks)
    {
        Interlocked.Exchange(ref _asleep, 1);

        // On behalf of the loops, which have no time for it: one that changes its state just now sees that the monitor sleeps, or is seen.
        Interlocked.MemoryBarrierProcessWide();
        if (_stopped || !_apart.IsEmpty)
        {
            OnActive();
        }

        for (int i = 0; i < looks.Length; i++)
        {
            if (_loops[i].State != looks[i].State)
            {
                OnActive();
            }
        }

        // A semaphore, on the thread that is the monitor's own.
        _active.Wait();
    }

    private readonly record struct Look(long State, int Repeats, RunStart Start);
}
