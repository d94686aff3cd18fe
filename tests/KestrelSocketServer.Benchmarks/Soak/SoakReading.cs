using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>What a server holds when all its connections are gone.</summary>
internal sealed record SoakReading(int Connections, MemoryUse Memory, int Handles, int Threads)
{
    private const int MiB = 1024 * 1024;
    private const int HandlesMargin = 2;
    private const int ThreadsMargin = 2;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(1);

    // Longer than the thread pool and the event loops keep a thread that has nothing to do.
    private static readonly TimeSpan IdleThreadTime = TimeSpan.FromSeconds(25);

    /// <summary>Waits until the server has no connections any more, closes nothing and lets no thread go, but not for ever; then reads.</summary>
    public static async Task<SoakReading> TakeAsync(ServerProcess server)
    {
        using var interval = new PeriodicTimer(AskInterval);
        long start = Stopwatch.GetTimestamp();
        long change = start;
        (int Connections, int Handles, int FewestThreads) seen = (0, 0, int.MaxValue);
        do
        {
            // Handshakes that were broken off are not counted as connections, and sockets are closed a moment after them.
            var now = (server.CountConnections(), server.CountHandles(), Math.Min(server.CountThreads(), seen.FewestThreads));
            change = now == seen ? change : Stopwatch.GetTimestamp();
            seen = now;
            await interval.WaitForNextTickAsync();
        }
        while ((seen.Connections > 0 || Stopwatch.GetElapsedTime(change) < IdleThreadTime) && Stopwatch.GetElapsedTime(start) < LongestWait);

        return new SoakReading(server.CountConnections(), server.GetMemory(), server.CountHandles(), server.CountThreads());
    }

    /// <summary>What has grown since an earlier reading, more than chance makes it; empty where nothing has.</summary>
    public IEnumerable<string> FindLeaks(SoakReading earlier)
    {
        (string What, double Now, double Allowed)[] values =
        [
            ("connections that should be gone", Connections, 0),
            ("handles", Handles, earlier.Handles + HandlesMargin),
            ("threads", Threads, earlier.Threads + ThreadsMargin),
            ("bytes of managed memory", Memory.Managed, earlier.Memory.Managed + Math.Max(earlier.Memory.Managed * 0.20, 4 * MiB)),
            ("bytes resident", Memory.Resident, earlier.Memory.Resident + Math.Max(earlier.Memory.Resident * 0.25, 32 * MiB)),
        ];
        return values.Where(value => value.Now > value.Allowed).Select(value => $"{value.Now:N0} {value.What}, more than {value.Allowed:N0}");
    }
}
