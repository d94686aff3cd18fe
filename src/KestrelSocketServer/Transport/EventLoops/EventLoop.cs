using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>
/// Waits for many descriptors at once and runs what waits for each, one after the other, on the thread that serves the loop.
/// </summary>
/// <remarks>
/// Any thread can serve a loop. Its state counts up: odd while something runs, even in between. Who serves it counts by what it
/// knows to be the state; a monitor that finds the same odd state for too long takes the loop away by counting in its place, and
/// the old thread notices when it returns. Readiness that it has not come to is told again by the system, as it is level-triggered.
/// </remarks>
internal sealed unsafe class EventLoop : IDisposable
{
    private const int MostItems = 256;
    private const long WakeToken = 0;

    private readonly Descriptor _poll = new(Libc.CreatePoll(Libc.CloseOnExec));
    private readonly Descriptor _wakeUp = new(Libc.CreateEvent(0, Libc.CloseOnExec | Libc.NonBlocking));
    private readonly ConcurrentQueue<IThreadPoolWorkItem> _work = new();
    private readonly LoopItemTable _items = new();
    private readonly EventLoopMonitor _monitor;
    private readonly ILogger _logger;
    private object? _running;
    private long _state;
    private int _woken;
    private volatile bool _stopped;

    public EventLoop(EventLoopMonitor monitor, ILogger logger)
    {
        _monitor = monitor;
        _logger = logger;
        byte* item = stackalloc byte[PollItem.Size];
        PollItem.Write(item, Readiness.Readable, WakeToken);
        if (Libc.ControlPoll(_poll, Libc.AddOperation, _wakeUp, item) < 0)
        {
            throw new SocketException((int)Libc.LastError);
        }
    }

    /// <summary>Where the loop is: the same odd number twice means that the same thing still runs.</summary>
    public long State => Volatile.Read(ref _state);

    /// <summary>What runs, or ran last.</summary>
    public object? Running => Volatile.Read(ref _running);

    /// <summary>Serves the loop until it is stopped or handed over to another thread.</summary>
    /// <param name="state">The state at which this thread takes the loop.</param>
    public void Serve(long state)
    {
        if (!RunWork(ref state))
        {
            return;
        }

        byte* items = stackalloc byte[MostItems * PollItem.Size];
        while (!_stopped)
        {
            int count = Libc.WaitPoll(_poll, items, MostItems, -1);
            _monitor.OnActive();
            bool woken = false;
            for (byte* item = items; item < items + (count * PollItem.Size); item += PollItem.Size)
            {
                long token = PollItem.ReadToken(item);
                if (token == WakeToken)
                {
                    woken = true;
                }
                else if (_items.Find(token) is { } ready && !Run(ready, PollItem.ReadReadiness(item), ref state))
                {
                    return;
                }
            }

            if (woken)
            {
                ClearWakeUp();
                if (!RunWork(ref state))
                {
                    return;
                }
            }
        }
    }

    /// <summary>Takes the loop away from a thread that has been in the same state for too long.</summary>
    /// <returns>Whether it still was; the caller has to have the loop served from the next state on.</returns>
    public bool TryTake(long state) => Interlocked.CompareExchange(ref _state, state + 1, state) == state;

    /// <summary>Runs something on the loop, soon. From any thread; those that come together wake the loop once.</summary>
    public void Schedule(IThreadPoolWorkItem item)
    {
        _work.Enqueue(item);
        WakeUp();
    }

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
            throw new SocketException((int)Libc.LastError);
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
            _ = Libc.ControlPoll(_poll, Libc.DeleteOperation, handle, poll);
        }
    }

    /// <summary>Lets the thread that serves the loop leave it.</summary>
    public void Stop()
    {
        _stopped = true;
        WakeUp();
    }

    public void Dispose()
    {
        _poll.Dispose();
        _wakeUp.Dispose();
    }

    // Returns whether the loop is still this thread's.
    private bool Run(LoopItem item, Readiness readiness, ref long state)
    {
        _running = item;
        Volatile.Write(ref _state, ++state);
        try
        {
            item.OnReady(readiness);
        }
        catch (Exception exception)
        {
            _logger.LoopFault(exception);
        }

        return Leave(ref state);
    }

    private bool RunWork(ref long state)
    {
        int count = 0;
        while (_work.TryDequeue(out IThreadPoolWorkItem? item))
        {
            _running = item;
            Volatile.Write(ref _state, ++state);
            try
            {
                item.Execute();
            }
            catch (Exception exception)
            {
                _logger.LoopFault(exception);
            }

            if (!Leave(ref state))
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

    private bool Leave(ref long state)
    {
        bool left = TryTake(state);
        state++;
        return left;
    }

    private void WakeUp()
    {
        if (Interlocked.Exchange(ref _woken, 1) == 0)
        {
            ulong one = 1;
            _ = Libc.Write(_wakeUp, &one, sizeof(ulong));
        }
    }

    private void ClearWakeUp()
    {
        ulong count;
        _ = Libc.Read(_wakeUp, &count, sizeof(ulong));
        Interlocked.Exchange(ref _woken, 0);
    }
}
