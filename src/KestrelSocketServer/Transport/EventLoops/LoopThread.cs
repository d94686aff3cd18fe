using System.Runtime;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>A thread that serves event loops or runs handlers, one after the other as it is asked to, and waits in between.</summary>
#pragma warning disable CA1001 // Disposed of when the thread ends.
internal sealed class LoopThread(LoopThreads threads)
#pragma warning restore CA1001
{
    [ThreadStatic]
    private static bool t_isLoopThread;

    private readonly SemaphoreSlim _asked = new(0);
    private Action<LoopThread>? _job;
    private ThreadMeter? _meter;
    private long _compiledMethods;

    /// <summary>Whether the caller runs on one.</summary>
    public static bool IsCurrent => t_isLoopThread;

    /// <summary>The thread's id.</summary>
    public int Id { get; private set; }

    /// <summary>How long it has been running on a processor, as far as that is known.</summary>
    public TimeSpan ProcessorTime => Volatile.Read(ref _meter)?.ProcessorTime ?? TimeSpan.Zero;

    /// <summary>
    /// Whether it has compiled anything since <see cref="BeginTurn"/>. On the thread itself, as the runtime tells nobody else.
    /// </summary>
    public bool HasCompiled => JitInfo.GetCompiledMethodCount(currentThread: true) != _compiledMethods;

    /// <summary>What ran on the loop that this thread has lost. Set by whoever takes the loop away, before that.</summary>
    public OffloadedRun? Lost { get; set; }

    /// <summary>Has a loop served from a state on. Only for a thread that was just taken.</summary>
    public void Serve(EventLoop loop, long state) => Do(thread => loop.Serve(thread, state));

    /// <summary>Has something done. Only for a thread that was just taken.</summary>
    public void Do(Action<LoopThread> job)
    {
        Volatile.Write(ref _job, job);
        _asked.Release();
    }

    /// <summary>
    /// Whether the system has not let it run for this long since an earlier <see cref="ProcessorTime"/>, although it could; a thread that
    /// has not started yet is in that state.
    /// </summary>
    public bool IsStarved(TimeSpan processorTimeBefore, TimeSpan enough)
        => Volatile.Read(ref _meter) is not { } meter || meter.IsStarved(processorTimeBefore, enough);

    /// <summary>It begins with something new. On the thread itself.</summary>
    public void BeginTurn() => _compiledMethods = JitInfo.GetCompiledMethodCount(currentThread: true);

    public void Start() => new Thread(Run) { IsBackground = true, Name = "Socket event loop" }.UnsafeStart();

    /// <summary>Lets the thread end.</summary>
    public void Stop() => _asked.Release();

    private void Run()
    {
        t_isLoopThread = true;
        Id = Environment.CurrentManagedThreadId;
        Volatile.Write(ref _meter, ThreadMeter.OfThisThread());
        while (_asked.Wait(LoopThreads.IdleTime) || !threads.Remove(this))
        {
            if (!RunJob())
            {
                if (threads.IsStopped)
                {
                    break;
                }

                // Taken at the moment when it was about to end: what it is taken for comes.
                continue;
            }

            if (!threads.GiveBack(this))
            {
                break;
            }
        }

        _asked.Dispose();
    }

    // Returns whether there was one. Not inlined, as a local of Run may be a reference for as long as the thread waits for the next.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool RunJob()
    {
        if (Interlocked.Exchange(ref _job, null) is not { } job)
        {
            return false;
        }

        BeginTurn();
        job(this);
        return true;
    }
}
