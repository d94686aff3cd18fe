using System.Runtime.InteropServices;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>A descriptor that an event loop watches.</summary>
/// <remarks>
/// Readiness that nobody waits for any more is switched off when it is told, not before: while one message follows another nothing
/// has to be switched.
/// </remarks>
internal abstract class LoopItem(EventLoop loop, SafeHandle handle)
{
    private const int ProbationLength = 100;

    private volatile Readiness _watched;
    private int _probation;
    private bool _registered;
    private bool _closed;

    public EventLoop Loop { get; } = loop;

    /// <summary>By what the loop finds it again; set when it is registered.</summary>
    public long Token { get; set; }

    protected SafeHandle Handle { get; } = handle;

    /// <summary>The descriptor is ready. On the loop; also while an earlier call still runs, when that has lost the loop.</summary>
    public abstract void OnReady(Readiness readiness);

    /// <summary>Whether its handlers have blocked lately: they do not get to hold the loop until they have returned in time for a while.</summary>
    public bool IsOnProbation => Volatile.Read(ref _probation) > 0;

    /// <summary>What it runs takes too long, and has lost the loop. On the monitor's thread.</summary>
    public virtual void OnBlocked()
    {
    }

    /// <summary>It is to be told of this readiness on another thread: until then the system must not tell it again.</summary>
    public virtual void Suspend(Readiness readiness) => Unwatch(readiness);

    /// <summary>It has returned in time, without the loop.</summary>
    public void OnReturnedInTime()
    {
        int probation = Volatile.Read(ref _probation);
        if (probation > 0)
        {
            // What another thread sets meanwhile prevails.
            Interlocked.CompareExchange(ref _probation, probation - 1, probation);
        }
    }

    /// <summary>Its handlers do not get to hold the loop for a while.</summary>
    public void PutOnProbation() => Volatile.Write(ref _probation, ProbationLength);

    /// <summary>Asks to be told, on top of what was asked before.</summary>
    protected void Watch(Readiness readiness)
    {
        if (_registered && (_watched & readiness) == readiness)
        {
            return;
        }

        lock (this)
        {
            Update(_watched | readiness);
        }
    }

    protected void Unwatch(Readiness readiness)
    {
        lock (this)
        {
            Update(_watched & ~readiness);
        }
    }

    /// <summary>Ends the watch for good. The descriptor leaves the loop by itself when it is closed.</summary>
    protected void StopWatching(bool closing)
    {
        lock (this)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            if (_registered)
            {
                Loop.Unregister(this, closing ? null : Handle);
            }
        }
    }

    private void Update(Readiness watched)
    {
        if (_closed || (watched == _watched && _registered))
        {
            return;
        }

        // Before the system is told, see Watch.
        Readiness before = _watched;
        _watched = watched;
        try
        {
            Loop.Watch(this, Handle, watched, isNew: !_registered);
        }
        catch
        {
            // Thrown on. Whoever asks again is to ask the system, which knows nothing of it.
            _watched = before;
            throw;
        }

        _registered = true;

        // Store-load fence, pairs with the one in EpollSocket.WaitWritable and, for reading, with the exchange in SocketInput.Wait: who waits
        // sees that the watch is off, or the caller here sees who waits.
        Interlocked.MemoryBarrier();
    }
}
