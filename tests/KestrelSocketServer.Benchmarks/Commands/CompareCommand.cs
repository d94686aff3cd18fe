using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Runs each load on each server, in turns, so that whatever else the machine does hits them alike. Ratios are taken within
/// a round. Those per second of the server's processor time hold also while other programs want the same core.
/// </summary>
internal static class CompareCommand
{
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(100);

    public static void Run(ReadOnlySpan<string> arguments)
    {
        CompareOptions options = CompareOptions.Parse(arguments);
        using var fleet = ServerFleet.Start();
        Cores.PinLoad();

        Console.WriteLine($"{Environment.ProcessorCount} cores, {Cores.Description}; {options.Rounds} rounds of {options.Time.TotalSeconds} s");
        Console.WriteLine();
        Console.WriteLine("| load | server | median | unit | of bare Kestrel | lowest to highest | of bare Kestrel per CPU second |");
        Console.WriteLine("|---|---|---:|---|---:|---|---:|");
        foreach (LoadScenario load in LoadScenario.All.Where(load => load.Name.Contains(options.Load, StringComparison.OrdinalIgnoreCase)))
        {
            // The first round warms the servers up.
            MeasureRound(fleet, load, options.Time, backwards: false);
            Measurement[][] rounds = [.. Enumerable.Range(0, options.Rounds).Select(
                round => MeasureRound(fleet, load, options.Time, backwards: round % 2 != 0))];
            for (int i = 0; i < fleet.Servers.Count; i++)
            {
                Print(load, fleet.Servers[i].Style, [.. rounds.Select(round => round[i])], [.. rounds.Select(round => round[0])]);
            }
        }
    }

    // Every other round goes backwards, so that no server always comes first.
    private static Measurement[] MeasureRound(ServerFleet fleet, LoadScenario load, TimeSpan time, bool backwards)
    {
        var measured = new Measurement[fleet.Servers.Count];
        for (int i = 0; i < measured.Length; i++)
        {
            int server = backwards ? measured.Length - 1 - i : i;
            measured[server] = Measure(fleet.Servers[server], load, time);
        }

        return measured;
    }

    private static Measurement Measure(ServerProcess server, LoadScenario load, TimeSpan time)
    {
        using ILoad running = load.Create(server.EndPoint);
        running.Run(SettleTime);
        TimeSpan busy = server.GetProcessorTime();
        long start = Stopwatch.GetTimestamp();
        double units = running.Run(time) * load.UnitsPerMessage;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        return new Measurement(units / elapsed.TotalSeconds, units / (server.GetProcessorTime() - busy).TotalSeconds);
    }

    private static void Print(LoadScenario load, EchoStyle style, Measurement[] measured, Measurement[] bare)
    {
        double[] ratios = [.. measured.Zip(bare, (ours, theirs) => ours.PerSecond / theirs.PerSecond).Order()];
        IEnumerable<double> busyRatios = measured.Zip(bare, (ours, theirs) => ours.PerProcessorSecond / theirs.PerProcessorSecond);
        Console.WriteLine(
            $"| {load.Name} | {style.Name} | {Median(measured.Select(one => one.PerSecond)):N0} | {load.Unit} | {Median(ratios):F2} | {ratios[0]:F2} to {ratios[^1]:F2} | {Median(busyRatios):F2} |");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>How much a server did, per second of time and of its own processor time.</summary>
    private readonly record struct Measurement(double PerSecond, double PerProcessorSecond);
}
