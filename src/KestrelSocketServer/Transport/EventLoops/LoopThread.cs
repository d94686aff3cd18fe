namespace KestrelSocketServer;

/// <summary>A thread that serves event loops, one after the other as it is asked to, and waits in between.</summary>
#pragma warning disable CA1001 // Disposed of when the thread ends.
internal sealed class LoopThread(LoopThreads threads)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _asked = new(0);
    private EventLoop? _loop;
    private long _state;

    /// <summary>Has a loop served from a state on. Only for a thread that was just taken.</summary>
    public void Serve(EventLoop loop, long state)
    {
        _state = state;
        Volatile.Write(ref _loop, loop);
        _asked.Release();
    }

    public void Start() => new Thread(Run) { IsBackground = true, Name = "Socket event loop" }.UnsafeStart();

    /// <summary>Lets the thread end.</summary>
    public void Stop() => _asked.Release();

    private void Run()
    {
        while (_asked.Wait(LoopThreads.IdleTime) || !threads.Remove(this))
        {
            if (Volatile.Read(ref _loop) is not { } loop)
            {
                if (threads.IsStopped)
                {
                    break;
                }

                // Taken at the moment when it was about to end: what it is taken for comes.
                continue;
            }

            _loop = null;
            loop.Serve(_state);
            if (!threads.GiveBack(this))
            {
                break;
            }
        }

        _asked.Dispose();
    }
}
