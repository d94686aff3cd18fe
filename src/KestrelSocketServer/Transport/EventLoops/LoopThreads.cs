namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>
/// The threads that serve event loops: one for each loop, and one more for each handler that blocks. Those that are not needed wait
/// for a while and then end.
/// </summary>
internal sealed class LoopThreads
{
    /// <summary>After how long an idle thread ends.</summary>
    public static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    // More handlers than that, all blocking at the same time, hold up the rest: an application in that state is beyond help.
    private const int Most = 2048;

    private readonly Stack<LoopThread> _idle = new();
    private int _count;

    public bool IsStopped { get; private set; }

    /// <summary>Whether there are as many as there may be.</summary>
    public bool IsAtMaximum
    {
        get
        {
            lock (_idle)
            {
                return _count == Most;
            }
        }
    }

    /// <summary>Takes an idle thread, or makes one; null when there are too many, or the system has none to give.</summary>
    public LoopThread? Take()
    {
        lock (_idle)
        {
            if (IsStopped)
            {
                return null;
            }

            if (_idle.TryPop(out LoopThread? idle))
            {
                return idle;
            }

            if (_count == Most || !DescriptorReserve.HasEnoughForThread())
            {
                return null;
            }

            _count++;
        }

        try
        {
            var thread = new LoopThread(this);
            thread.Start();
            return thread;
        }
        catch (OutOfMemoryException)
        {
            // What the runtime says when the system has no thread, or no descriptor for one.
            lock (_idle)
            {
                _count--;
            }

            return null;
        }
    }

    /// <summary>A thread is idle. Returns false when it is to end.</summary>
    public bool GiveBack(LoopThread thread)
    {
        lock (_idle)
        {
            if (IsStopped)
            {
                _count--;
                return false;
            }

            _idle.Push(thread);
            return true;
        }
    }

    /// <summary>Gives a thread back that was taken in vain.</summary>
    public void Return(LoopThread thread)
    {
        if (!GiveBack(thread))
        {
            thread.Stop();
        }
    }

    /// <summary>An idle thread ends. Returns false when it was taken just now, or is the last one, which stays for hard times.</summary>
    public bool Remove(LoopThread thread)
    {
        lock (_idle)
        {
            if (_idle.Count == 1)
            {
                return false;
            }

            LoopThread[] others = [.. _idle.Reverse().Where(idle => idle != thread)];
            if (others.Length == _idle.Count)
            {
                return false;
            }

            _idle.Clear();
            foreach (LoopThread other in others)
            {
                _idle.Push(other);
            }

            _count--;
            return true;
        }
    }

    public void Stop()
    {
        lock (_idle)
        {
            IsStopped = true;
            foreach (LoopThread thread in _idle)
            {
                thread.Stop();
            }

            _idle.Clear();
        }
    }
}
