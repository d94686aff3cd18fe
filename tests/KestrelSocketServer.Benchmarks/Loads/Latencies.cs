using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>How long messages took, all of them kept.</summary>
internal sealed class Latencies
{
    private readonly long[] _sorted;

    public Latencies(long[] ticks)
    {
        _sorted = ticks;
        Array.Sort(_sorted);
    }

    /// <summary>What the share of messages did not exceed.</summary>
    public double GetMicroseconds(double share)
        => _sorted[Math.Min((int)(share * _sorted.Length), _sorted.Length - 1)] * 1e6 / Stopwatch.Frequency;
}
