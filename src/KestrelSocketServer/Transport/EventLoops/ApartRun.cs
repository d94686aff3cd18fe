namespace KestrelSocketServer;

/// <summary>
/// Something that runs on a thread other than the one that serves its loop: it was moved there before it began, or has lost the loop.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="item">For whom it runs, null when it runs nobody's handlers.</param>
/// <param name="thread">The thread that it runs on.</param>
/// <param name="start">When it began, or was first seen.</param>
internal sealed class ApartRun(EventLoop loop, LoopItem? item, LoopThread thread, RunStart start)
{
    private const int InTime = 0;
    private const int Late = 1;
    private const int Over = 2;

    private int _state;

    public EventLoop Loop { get; } = loop;

    public LoopItem? Item { get; } = item;

    public bool IsOver => Volatile.Read(ref _state) == Over;

    /// <summary>Whether it takes longer than a limit, not counting what the runtime takes, and that the system does not let it run.</summary>
    public bool IsLate(TimeSpan limit) => start.Elapsed >= limit && !thread.IsStarved(start.ProcessorTime, limit / 2);

    /// <summary>It takes too long. Returns whether it still runs.</summary>
    public bool TryBlock() => Interlocked.CompareExchange(ref _state, Late, InTime) == InTime;

    /// <summary>It has returned.</summary>
    public void End()
    {
        if (Interlocked.Exchange(ref _state, Over) == Late)
        {
            Loop.OnUnblocked();
        }
        else
        {
            Item?.OnReturnedInTime();
        }
    }
}
