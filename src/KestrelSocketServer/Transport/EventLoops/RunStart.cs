using System.Diagnostics;
using System.Runtime;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>Where the clocks stood when something began to run.</summary>
/// <param name="Timestamp">The time.</param>
/// <param name="ProcessorTime">How long the thread had been running on a processor.</param>
/// <param name="PauseTime">How long the garbage collector had held up all threads.</param>
/// <param name="CompiledMethods">How many methods the runtime had compiled, on all threads: one may wait for what another compiles.</param>
/// <param name="IsAfterCompiling">
/// Whether it had compiled some a moment before. It holds up all threads, a while after, to put what it has compiled again in its place,
/// and counts that as no pause.
/// </param>
internal readonly record struct RunStart(
    long Timestamp, TimeSpan ProcessorTime, TimeSpan PauseTime, long CompiledMethods, bool IsAfterCompiling)
{
    /// <summary>For how long what the runtime compiles may hold up a thread.</summary>
    public static readonly TimeSpan CompilingTime = TimeSpan.FromMilliseconds(500);

    private static long s_compiledMethods;
    private static long s_compiled;

    /// <summary>How long it has been running, without the pauses of the garbage collector.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(Timestamp) - (GC.GetTotalPauseDuration() - PauseTime);

    /// <summary>Whether the runtime has compiled anything meanwhile, or just before.</summary>
    public bool HasCompiled => IsAfterCompiling || JitInfo.GetCompiledMethodCount() != CompiledMethods;

    /// <summary>Something begins now.</summary>
    public static RunStart Now(LoopThread thread)
    {
        long now = Stopwatch.GetTimestamp();
        long compiledMethods = JitInfo.GetCompiledMethodCount();
        if (Interlocked.Exchange(ref s_compiledMethods, compiledMethods) != compiledMethods)
        {
            Volatile.Write(ref s_compiled, now);
        }

        bool isAfterCompiling = Stopwatch.GetElapsedTime(Volatile.Read(ref s_compiled), now) < CompilingTime;
        return new(now, thread.ProcessorTime, GC.GetTotalPauseDuration(), compiledMethods, isAfterCompiling);
    }
}
