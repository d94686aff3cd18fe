using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>What a server holds when all its connections are gone.</summary>
internal sealed record SoakReading(int Connections, MemoryUse Memory, int Handles, int Threads)
{
    private const int MiB = 1024 * 1024;
    private const int HandlesMargin = 4;
    private const int ThreadsMargin = 8;
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan AskInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits until the server has no connections any more, but not for ever; then reads.</summary>
    public static async Task<SoakReading> TakeAsync(ServerProcess server)
    {
        long start = Stopwatch.GetTimestamp();
        while (server.CountConnections() > 0 && Stopwatch.GetElapsedTime(start) < QuietTime)
        {
            await Task.Delay(AskInterval);
        }

        // Handshakes that were broken off are not counted as connections, and sockets are closed a moment after them.
        await Task.Delay(SettleTime);
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
