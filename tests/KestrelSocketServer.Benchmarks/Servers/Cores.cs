using System.Diagnostics;
using System.Globalization;
using System.Numerics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Puts the server on the first core and the load on the last, where there is <c>taskset</c> and more than one core.</summary>
internal static class Cores
{
    private static readonly ulong Allowed = OperatingSystem.IsLinux() ? (ulong)Process.GetCurrentProcess().ProcessorAffinity : 0;

    private static readonly bool CanPin = BitOperations.PopCount(Allowed) > 1 && HasTaskset();

    public static string Description => CanPin ? "server and load pinned to a core each" : "not pinned";

    /// <summary>What comes before the command that starts a server.</summary>
    public static IReadOnlyList<string> ServerPrefix => CanPin
        ? ["taskset", "-c", BitOperations.TrailingZeroCount(Allowed).ToString(CultureInfo.InvariantCulture)]
        : [];

    /// <summary>Pins the calling thread, which is to make the load.</summary>
    public static void PinLoad()
    {
        if (CanPin && OperatingSystem.IsLinux())
        {
            Process.GetCurrentProcess().ProcessorAffinity = (nint)(1UL << BitOperations.Log2(Allowed));
        }
    }

    private static bool HasTaskset() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, "taskset")));
}
