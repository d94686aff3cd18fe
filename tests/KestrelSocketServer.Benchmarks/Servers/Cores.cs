using System.Diagnostics;
using System.Globalization;
using System.Numerics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Puts servers on the first core and the load on the last, where there is <c>taskset</c> and more than one core.</summary>
internal sealed class Cores
{
    private readonly ulong _allowed;
    private readonly bool _isPinned;

    public Cores(bool pinned)
    {
        _allowed = OperatingSystem.IsLinux() ? (ulong)Process.GetCurrentProcess().ProcessorAffinity : 0;
        _isPinned = pinned && BitOperations.PopCount(_allowed) > 1 && HasTaskset();
    }

    public string Description => $"{Environment.ProcessorCount} cores, {(_isPinned ? "server and load pinned to a core each" : "not pinned")}";

    /// <summary>What comes before the command that starts a server.</summary>
    public IReadOnlyList<string> ServerPrefix => _isPinned
        ? ["taskset", "-c", BitOperations.TrailingZeroCount(_allowed).ToString(CultureInfo.InvariantCulture)]
        : [];

    /// <summary>Pins this process, which is to make the load: all its threads, so that its compiler does not disturb the server.</summary>
    public void PinLoad()
    {
        if (_isPinned)
        {
            foreach (string thread in Directory.GetDirectories("/proc/self/task"))
            {
                Native.Pin(int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture), 1UL << BitOperations.Log2(_allowed));
            }
        }
    }

    private static bool HasTaskset() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, "taskset")));
}
