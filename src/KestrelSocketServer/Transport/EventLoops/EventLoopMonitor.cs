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
    private const int BlockedForFastPolling = 2;
    private const uint FastPollingInterval = 100;
    private const int FastPollingLimits = 4;

    private readonly LoopThreads _threads;
    private readonly TimeSpan _limit;
    private readonly TimeSpan _interval;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _active = new(0);
    private readonly ConcurrentQueue<OffloadedRun> _offloaded = new();
    private EventLoop[] _loops = [];
    private long _fastPollingStart;
    private bool _pollsFast;
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

    /// <summary>Looks after what runs offloaded from its loop from now on.</summary>
    public void Watch(OffloadedRun run)
    {
        _offloaded.Enqueue(run);

        // Store-load fence, pairs with the one in Sleep: the monitor sees the run before it sleeps, or this sees that it sleeps.
        Interlocked.MemoryBarrier();
        OnActive();
    }

    public void Dispose()
    {
        _stopped = true;

        // Pairs with the one in Sleep, as in Watch.
        Interlocked.MemoryBarrier();
        OnActive();
    }

    private void Run()
    {
        var looks = new Observation[_loops.Length];
        long lastActive = Stopwatch.GetTimestamp();
        while (!_stopped)
        {
            Pause();
            bool active = CheckOffloaded();
            for (int i = 0; i < looks.Length; i++)
            {
                active |= Check(_loops[i], ref looks[i]);
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
        _pollsFast = _pollsFast && Stopwatch.GetElapsedTime(_fastPollingStart) < FastPollingLimits * _limit;
        if (_pollsFast)
        {
            _ = Libc.Sleep(FastPollingInterval);
        }
        else
        {
            Thread.Sleep(_interval);
        }
    }

    // Returns whether anything has happened, or runs.
    private bool Check(EventLoop loop, ref Observation look)
    {
        long state = loop.State;
        bool isNew = state != look.State;
        bool isRunning = state % 2 != 0;
        look = isNew ? new Observation(state, 0, isRunning ? RunStart.Now(loop.OwnerThread!) : default) : look with { Repeats = look.Repeats + 1 };
        if (isRunning && IsTooLong(loop, look))
        {
            HandOver(loop, look);
        }

        return isRunning || isNew;
    }

    // Twice, the limit is over. Once would not do, as the whole process may have stood still; nor does it count when the system has not
    // let the thread run meanwhile. Fast polling risks both.
    private bool IsTooLong(EventLoop loop, Observation look)
        => _pollsFast ? look.Repeats >= 1 : look.Repeats >= 2 && !loop.OwnerThread!.IsStarved(look.Start.ProcessorTime, enough: _limit / 2);

    // Returns whether anything runs that has not taken too long yet. One that the system does not let run keeps no other from being found.
    private bool CheckOffloaded()
    {
        bool active = false;
        for (int i = _offloaded.Count; i > 0 && _offloaded.TryDequeue(out OffloadedRun? run); i--)
        {
            Check(run);
            if (!run.IsSettled)
            {
                active = true;
                _offloaded.Enqueue(run);
            }
        }

        return active;
    }

    private void HandOver(EventLoop loop, in Observation look)
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
        LoopThread owner = loop.OwnerThread!;
        var run = new OffloadedRun(loop, loop.Running, owner, look.Start);
        owner.Lost = run;
        if (!loop.TryTake(look.State))
        {
            owner.Lost = null;
            _threads.Return(thread);
            return;
        }

        // Before the loop goes on: that may let the handler return, before this thread has another turn.
        Check(run);
        if (!run.IsSettled)
        {
            _offloaded.Enqueue(run);
        }

        thread.Serve(loop, look.State + 1);
    }

    private void LogOutOfThreads()
    {
        try
        {
            if (_threads.IsAtMaximum)
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

    private void Check(OffloadedRun run)
    {
        if (run.Check(_limit) && run.Loop.OnBlocked() >= BlockedForFastPolling)
        {
            _pollsFast = true;
            _fastPollingStart = Stopwatch.GetTimestamp();
        }
    }

    private void Sleep(Observation[] looks)
    {
        Interlocked.Exchange(ref _asleep, 1);

        // Pairs with Watch, Dispose, and the write of the state in EventLoop.Run, on behalf of the loops, which have no time for a fence: one that changes its state just now sees that the monitor sleeps, or is seen.
        Interlocked.MemoryBarrierProcessWide();
        if (_stopped || !_offloaded.IsEmpty)
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

    private readonly record struct Observation(long State, int Repeats, RunStart Start);
}
