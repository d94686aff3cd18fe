using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using KestrelSocketServer.Transport.Sockets;

namespace KestrelSocketServer.Transport.EventLoops;

// What other threads have it do.
internal sealed unsafe partial class EventLoop
{
    // Interrupted, or whatever: there is nobody else to wake the loop.
    private const int WakeAttempts = 8;

    private readonly ConcurrentQueue<ScheduledWork> _work = new();
    private readonly HandlerThreads? _handlerThreads;
    private int _woken;

    /// <summary>Runs something on the loop, soon. From any thread; those that come together wake the loop once.</summary>
    /// <param name="work">What to run.</param>
    /// <param name="item">For whom, null when it runs nobody's handlers.</param>
    public void Schedule(IThreadPoolWorkItem work, LoopItem? item)
    {
        if (_handlerThreads is not null)
        {
            _handlerThreads.Schedule(work);
            return;
        }

        _work.Enqueue(new ScheduledWork(work, item));
        if (!IsInEventLoop)
        {
            WakeUp();
        }

        if (_stopped)
        {
            LeaveWork();
        }
    }

    /// <summary>Whether this thread serves the loop.</summary>
    /// <remarks>
    /// Then it comes to what is scheduled by itself. If it loses the loop before that, the thread that gets the loop begins with it.
    /// </remarks>
    public bool IsInEventLoop
    {
        get
        {
            // Store-load fence, pairs with the one in Serve: a thread that has just lost the loop sees the new owner here, or the new owner,
            // which begins with what is scheduled, finds what was enqueued before this.
            Interlocked.MemoryBarrier();
            return OwnerThread?.Id == Environment.CurrentManagedThreadId;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool RunWork(LoopThread thread, ref long state)
    {
        // What is scheduled meanwhile waits until the descriptors have had their turn.
        for (int count = Math.Min(_work.Count, MaxItems); count > 0 && _work.TryDequeue(out ScheduledWork scheduled); count--)
        {
            if (!Run(thread, scheduled.Item, scheduled.Work, Readiness.None, ref state))
            {
                return false;
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
            for (int attempt = 0; attempt < WakeAttempts; attempt++)
            {
                ulong one = 1;
                if (Libc.Write(_wakeUp, &one, sizeof(ulong)) >= 0)
                {
                    return;
                }
            }

            // Those who come next are to try again, rather than rely on what has failed here.
            Interlocked.Exchange(ref _woken, 0);
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
