using System.Diagnostics;
using System.Runtime;

namespace KestrelSocketServer;

/// <summary>Where the clocks stood when something began to run.</summary>
/// <param name="Timestamp">The time.</param>
/// <param name="ProcessorTime">How long the thread had been running on a processor.</param>
/// <param name="PauseTime">How long the garbage collector had held up all threads.</param>
/// <param name="CompiledMethods">How many methods the runtime had compiled, on all threads: one may wait for what another compiles.</param>
internal readonly record struct RunStart(long Timestamp, TimeSpan ProcessorTime, TimeSpan PauseTime, long CompiledMethods)
{
    /// <summary>How long it has been running, without the pauses of the garbage collector.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(Timestamp) - (GC.GetTotalPauseDuration() - PauseTime);

    /// <summary>Whether the runtime has compiled anything meanwhile.</summary>
    public bool HasCompiled => JitInfo.GetCompiledMethodCount() != CompiledMethods;

    /// <summary>Something begins now.</summary>
    public static RunStart Now(LoopThread thread)
        => new(Stopwatch.GetTimestamp(), thread.ProcessorTime, GC.GetTotalPauseDuration(), JitInfo.GetCompiledMethodCount());
}
