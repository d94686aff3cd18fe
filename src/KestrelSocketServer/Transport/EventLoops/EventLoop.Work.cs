using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer;

// What other threads have it do.
internal sealed unsafe partial class EventLoop
{
    private readonly ConcurrentQueue<ScheduledWork> _work = new();
    private readonly bool _worksOnThreadPool;
    private int _woken;

    /// <summary>Runs something on the loop, soon. From any thread; those that come together wake the loop once.</summary>
    /// <param name="work">What to run.</param>
    /// <param name="item">For whom, null when it runs nobody's handlers.</param>
    public void Schedule(IThreadPoolWorkItem work, LoopItem? item)
    {
        if (_worksOnThreadPool)
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
            return;
        }

        _work.Enqueue(new ScheduledWork(work, item));
        if (!IsServedHere)
        {
            WakeUp();
        }

        if (_stopped)
        {
            LeaveWork();
        }
    }

    // Whether this thread comes to what is scheduled by itself. If it loses the loop before that, whoever gets the loop begins with it.
    private bool IsServedHere
    {
        get
        {
            Interlocked.MemoryBarrier();
            return Server?.Id == Environment.CurrentManagedThreadId;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool RunWork(LoopThread thread, ref long state)
    {
        int count = 0;
        while (_work.TryDequeue(out ScheduledWork scheduled))
        {
            if (!Run(thread, scheduled.Item, scheduled.Work, Readiness.None, ref state))
            {
                return false;
            }

            if (++count == MostItems)
            {
                // The descriptors have their turn.
                WakeUp();
                break;
            }
        }

        return true;
    }

    private void LeaveWork()
    {
        while (_work.TryDequeue(out ScheduledWork scheduled))
        {
            ThreadPool.UnsafeQueueUserWorkItem(scheduled.Work, preferLocal: false);
        }
    }

    private void WakeUp()
    {
        if (Interlocked.Exchange(ref _woken, 1) != 0)
        {
            return;
        }

        try
        {
            ulong one = 1;
            _ = Libc.Write(_wakeUp, &one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // The loop is over.
        }
    }

    private void ClearWakeUp()
    {
        ulong count;
        _ = Libc.Read(_wakeUp, &count, sizeof(ulong));
        Interlocked.Exchange(ref _woken, 0);
    }

    private readonly record struct ScheduledWork(IThreadPoolWorkItem Work, LoopItem? Item);
}
