using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>What a server holds when all its connections are gone.</summary>
internal sealed record SoakReading(int Connections, MemoryUse Memory, int Handles, int Threads)
{
    private const int MiB = 1024 * 1024;
    private const int HandlesMargin = 4;
    private const int ThreadsMargin = 8;
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(30);

    // As long as a connection that has ended waits for the end of its peer.
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(1);

    /// <summary>Waits until the server has no connections any more and closes nothing any more, but not for ever; then reads.</summary>
    public static async Task<SoakReading> TakeAsync(ServerProcess server)
    {
        using var interval = new PeriodicTimer(AskInterval);
        long start = Stopwatch.GetTimestamp();
        int handles;
        do
        {
            // Handshakes that were broken off are not counted as connections, and sockets are closed a moment after them.
            handles = server.CountHandles();
            await interval.WaitForNextTickAsync();
        }
        while ((server.CountConnections() > 0 || server.CountHandles() != handles) && Stopwatch.GetElapsedTime(start) < QuietTime);

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
