using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>
/// Waits for many descriptors at once and runs what waits for each, one after the other, on the thread that serves the loop.
/// </summary>
/// <remarks>
/// Any thread can serve a loop. Its state counts up: odd while something runs, even in between. Who serves it counts by what it
/// knows to be the state; a monitor that finds the same odd state for too long takes the loop away by counting in its place, and
/// the old thread notices when it returns. Readiness that it has not come to is told again by the system, as it is level-triggered.
/// What has blocked lately does not get that far: it runs on a thread of its own.
/// </remarks>
internal sealed unsafe partial class EventLoop : IDisposable
{
    // Few enough that what comes after them, new connections and what is scheduled, has its turn within a millisecond of a busy loop;
    // enough that waiting costs next to nothing for each.
    private const int MaxItems = 64;
    private const long WakeToken = 0;

    private readonly SafeFileDescriptor _poll;
    private readonly SafeFileDescriptor _wakeUp;
    private readonly LoopItemTable _items = new();
    private readonly LoopThreads _threads;
    private readonly EventLoopMonitor _monitor;
    private readonly ILogger _logger;
    private volatile LoopItem[] _preferred = [];
    private LoopItem? _running;
    private LoopThread? _ownerThread;
    private long _state;
    private int _blocked;
    private volatile bool _stopped;

    /// <param name="threads">Where threads come from.</param>
    /// <param name="monitor">What looks after it.</param>
    /// <param name="logger">Told of exceptions that nobody expected.</param>
    /// <param name="handlerThreads">Where what is scheduled runs, null when it runs on the loop.</param>
    /// <exception cref="SocketException">The system does not give what it takes; the exception names the call.</exception>
    public EventLoop(LoopThreads threads, EventLoopMonitor monitor, ILogger logger, HandlerThreads? handlerThreads)
    {
        _threads = threads;
        _monitor = monitor;
        _logger = logger;
        _handlerThreads = handlerThreads;
        _poll = new SafeFileDescriptor(Libc.CreatePoll(Libc.CloseOnExec), "epoll_create1");
        try
        {
            _wakeUp = new SafeFileDescriptor(Libc.CreateEvent(0, Libc.CloseOnExec | Libc.NonBlocking), "eventfd");
            byte* item = stackalloc byte[PollItem.Size];
            PollItem.Write(item, Readiness.Readable, WakeToken);
            if (Libc.ControlPoll(_poll, Libc.AddOperation, _wakeUp, item) < 0)
            {
                throw SystemError.ToException(SystemError.Last, "epoll_ctl");
            }
        }
        catch
        {
            // Thrown on, once nothing is left.
            _poll.Dispose();
            _wakeUp?.Dispose();
            throw;
        }
    }

    /// <summary>Where the loop is: the same odd number twice means that the same thing still runs.</summary>
    public long State => Volatile.Read(ref _state);

    /// <summary>For whom something runs, or ran last.</summary>
    public LoopItem? Running => Volatile.Read(ref _running);

    /// <summary>On which thread.</summary>
    public LoopThread? OwnerThread => Volatile.Read(ref _ownerThread);

    /// <summary>Serves the loop until it is stopped or handed over to another thread.</summary>
    /// <param name="thread">This thread.</param>
    /// <param name="state">The state at which it takes the loop.</param>
    public void Serve(LoopThread thread, long state)
    {
        _ownerThread = thread;

        // Store-load fence, pairs with the one in IsInEventLoop: before it looks for what is scheduled, all see who owns the loop.
        Interlocked.MemoryBarrier();
        byte* items = stackalloc byte[MaxItems * PollItem.Size];
        if (!RunWork(thread, ref state))
        {
            return;
        }

        while (!_stopped)
        {
            // A loop that waits keeps nothing of a connection that is over.
            _running = null;
            int count = Libc.WaitPoll(_poll, items, MaxItems, _work.IsEmpty ? -1 : 0);
            thread.BeginTurn();
            if (count == MaxItems && !RunPreferred(thread, ref state))
            {
                return;
            }

            if (!RunReady(thread, items, count, ref state) || !RunWork(thread, ref state))
            {
                return;
            }
        }

        Dispose();
    }

    // Not inlined, as the locals of Serve, which does not return, may be references for as long as it waits.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool RunReady(LoopThread thread, byte* items, int count, ref long state)
    {
        for (byte* item = items; item < items + (count * PollItem.Size); item += PollItem.Size)
        {
            long token = PollItem.ReadToken(item);
            if (token == WakeToken)
            {
                ClearWakeUp();
            }
            else if (_items.Find(token) is { } ready && !Run(thread, ready, null, PollItem.ReadReadiness(item), ref state))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes the loop away from a thread that has been in the same state for too long.</summary>
    /// <returns>Whether it still was; the caller has to have the loop served from the next state on.</returns>
    public bool TryTake(long state) => Interlocked.CompareExchange(ref _state, state + 1, state) == state;

    /// <summary>One more handler has blocked. Returns how many do now.</summary>
    public int OnBlocked() => Interlocked.Increment(ref _blocked);

    /// <summary>One that had blocked has returned.</summary>
    public void OnUnblocked() => Interlocked.Decrement(ref _blocked);

    /// <summary>Watches a descriptor. The item's lock is held.</summary>
    public void Watch(LoopItem item, SafeHandle handle, Readiness watched, bool isNew)
    {
        if (isNew)
        {
            _items.Add(item);
        }

        byte* poll = stackalloc byte[PollItem.Size];
        PollItem.Write(poll, watched, item.Token);
        if (Libc.ControlPoll(_poll, isNew ? Libc.AddOperation : Libc.ModifyOperation, handle, poll) < 0)
        {
            SocketException exception = SystemError.ToException(SystemError.Last, "epoll_ctl");
            if (isNew)
            {
                _items.Remove(item.Token);
            }

            throw exception;
        }
    }

    /// <summary>Forgets an item.</summary>
    /// <param name="item">The item.</param>
    /// <param name="handle">Its descriptor, null where it is closed in any case.</param>
    public void Unregister(LoopItem item, SafeHandle? handle)
    {
        _items.Remove(item.Token);
        if (handle is not null)
        {
            byte* poll = stackalloc byte[PollItem.Size];
            try
            {
                if (Libc.ControlPoll(_poll, Libc.DeleteOperation, handle, poll) < 0)
                {
                    // Once more: the system would wake the loop for it again and again.
                    _ = Libc.ControlPoll(_poll, Libc.DeleteOperation, handle, poll);
                }
            }
            catch (ObjectDisposedException)
            {
                // The loop is over.
            }
        }
    }

    /// <summary>
    /// Has an item called in every turn that the others fill, as if it were ready for nothing. The system tells of what is ready in turns:
    /// behind many that always are, it would come to the item once in many turns.
    /// </summary>
    public void Prefer(LoopItem item)
    {
        lock (_items)
        {
            _preferred = [.. _preferred, item];
        }
    }

    /// <summary>Takes back <see cref="Prefer"/>.</summary>
    public void Unprefer(LoopItem item)
    {
        lock (_items)
        {
            _preferred = [.. _preferred.Where(other => other != item)];
        }
    }

    /// <summary>
    /// Lets the thread that serves the loop leave it, and give its descriptors back. What is scheduled still runs, on the thread pool.
    /// </summary>
    public void Stop()
    {
        _stopped = true;
        WakeUp();
        LeaveWork();
    }

    public void Dispose()
    {
        _poll.Dispose();
        _wakeUp.Dispose();
    }

    // Returns whether the loop is still this thread's.
    private bool RunPreferred(LoopThread thread, ref long state)
    {
        foreach (LoopItem item in _preferred)
        {
            if (!Run(thread, item, null, Readiness.None, ref state))
            {
                return false;
            }
        }

        return true;
    }

    // Returns whether the loop is still this thread's.
    private bool Run(LoopThread thread, LoopItem? item, IThreadPoolWorkItem? work, Readiness readiness, ref long state)
    {
        if (item is { IsOnProbation: true } && _threads.Take() is { } other)
        {
            RunOffloaded(item, work, readiness, other);
            return true;
        }

        _running = item;
        Volatile.Write(ref _state, ++state);
        _monitor.OnActive();
        Call(item, work, readiness);
        if (!TryTake(state))
        {
            thread.Lost!.End();
            thread.Lost = null;
            return false;
        }

        state++;
        return true;
    }

    private void RunOffloaded(LoopItem item, IThreadPoolWorkItem? work, Readiness readiness, LoopThread thread)
    {
        if (work is null)
        {
            item.Suspend(readiness);
        }

        var run = new OffloadedRun(this, item, thread, RunStart.Now(thread));
        _monitor.Watch(run);
        thread.Do(_ =>
        {
            Call(item, work, readiness);
            run.End();
        });
    }

    private void Call(LoopItem? item, IThreadPoolWorkItem? work, Readiness readiness)
    {
        try
        {
            if (work is null)
            {
                item!.OnReady(readiness);
            }
            else
            {
                work.Execute();
            }
        }
        catch (Exception exception)
        {
            _logger.LoopFault(exception);
        }
    }
}
