namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>
/// Something that runs on a thread other than the one that serves its loop: it was moved there before it began, or has lost the loop.
/// </summary>
/// <remarks>
/// Late is what takes longer than the limit. It counts as blocked, which is told, when that was no fault of the runtime: what runs for
/// the first time is compiled and its types are loaded, which takes as long as a handler that blocks; and all threads wait while the
/// runtime puts what it has compiled again in its place.
/// </remarks>
/// <param name="loop">The loop.</param>
/// <param name="item">For whom it runs, null when it runs nobody's handlers.</param>
/// <param name="thread">The thread that it runs on.</param>
/// <param name="start">When it began, or was first seen.</param>
internal sealed class OffloadedRun(EventLoop loop, LoopItem? item, LoopThread thread, RunStart start)
{
    private const int InTime = 0;
    private const int Late = 1;
    private const int Blocked = 2;
    private const int Over = 3;

    private int _state;

    public EventLoop Loop { get; } = loop;

    /// <summary>Whether it need not be looked after any more.</summary>
    public bool IsSettled => Volatile.Read(ref _state) >= Blocked;

    /// <summary>
    /// Finds out whether it takes longer than a limit, not counting that the system does not let it run. On the monitor's thread.
    /// </summary>
    /// <returns>Whether it has become late just now.</returns>
    public bool Check(TimeSpan limit)
    {
        if (start.Elapsed < limit || thread.IsStarved(start.ProcessorTime, limit))
        {
            return false;
        }

        bool isNew = Interlocked.CompareExchange(ref _state, Late, InTime) == InTime;
        bool isBlocked = !start.HasCompiled || start.Elapsed >= limit + RunStart.CompilingTime;
        if (isBlocked && Interlocked.CompareExchange(ref _state, Blocked, Late) == Late)
        {
            item?.OnBlocked();
        }

        return isNew;
    }

    /// <summary>It has returned. On its thread.</summary>
    public void End()
    {
        int state = Interlocked.Exchange(ref _state, Over);
        if (state != InTime)
        {
            Loop.OnUnblocked();
        }

        if (state == Late && (!start.HasCompiled || start.Elapsed >= RunStart.CompilingTime))
        {
            item?.OnBlocked();
        }
        else if (state == Late && !thread.HasCompiled)
        {
            // Another thread has compiled: whether it waited for that, or blocked by itself, cannot be known.
            item?.PutOnProbation();
        }
        else if (state != Blocked)
        {
            item?.OnReturnedInTime();
        }
    }
}
