using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>How much a server did, per second of time and of its own processor time.</summary>
internal readonly record struct Measurement(double PerSecond, double PerProcessorSecond)
{
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(100);

    public static Measurement Of(MeasuredServer server, LoadScenario load, TimeSpan time)
    {
        using ILoad running = load.Start(server);
        running.Run(SettleTime);
        TimeSpan busy = server.Process.GetProcessorTime();
        long start = Stopwatch.GetTimestamp();
        double units = running.Run(time) * load.UnitsPerMessage;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        return new Measurement(units / elapsed.TotalSeconds, units / (server.Process.GetProcessorTime() - busy).TotalSeconds);
    }
}
