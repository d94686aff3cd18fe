using System.Diagnostics;
using System.Runtime;

namespace KestrelSocketServer;

/// <summary>Where the clocks stood when something began to run.</summary>
/// <param name="Timestamp">The time.</param>
/// <param name="ProcessorTime">How long the thread had been running on a processor.</param>
/// <param name="RuntimeTime">How long the runtime had been compiling and collecting garbage.</param>
internal readonly record struct RunStart(long Timestamp, TimeSpan ProcessorTime, TimeSpan RuntimeTime)
{
    // A handler that has not returned by then counts although the runtime has been busy all the time.
    private static readonly TimeSpan MaxRuntimeTime = TimeSpan.FromSeconds(1);

    /// <summary>How long it has been running, without what the runtime took.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            TimeSpan runtimeTime = CurrentRuntimeTime - RuntimeTime;
            return Stopwatch.GetElapsedTime(Timestamp) - (runtimeTime < MaxRuntimeTime ? runtimeTime : MaxRuntimeTime);
        }
    }

    // Of all threads: what another one compiles may hold this one up too, and a thread's own is told to that thread alone.
    private static TimeSpan CurrentRuntimeTime => JitInfo.GetCompilationTime() + GC.GetTotalPauseDuration();

    /// <summary>Something begins now.</summary>
    public static RunStart Now(LoopThread thread) => new(Stopwatch.GetTimestamp(), thread.ProcessorTime, CurrentRuntimeTime);
}
