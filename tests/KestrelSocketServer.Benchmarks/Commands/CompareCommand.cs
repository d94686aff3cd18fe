using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Runs each load on each server, in turns, so that whatever else the machine does hits them alike. Ratios are taken within
/// a round.
/// </summary>
internal static class CompareCommand
{
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(100);

    public static void Run(ReadOnlySpan<string> arguments)
    {
        CompareOptions options = CompareOptions.Parse(arguments);
        using var fleet = new ServerFleet();
        Cores.PinLoad();

        Console.WriteLine($"{Environment.ProcessorCount} cores, {Cores.Description}; {options.Rounds} rounds of {options.Time.TotalSeconds} s");
        Console.WriteLine();
        Console.WriteLine("| load | server | median | unit | ratio to bare Kestrel | lowest to highest |");
        Console.WriteLine("|---|---|---:|---|---:|---|");
        foreach (LoadScenario load in LoadScenario.All)
        {
            // The first round warms the servers up.
            MeasureRound(fleet, load, options.Time);
            double[][] rounds = [.. Enumerable.Range(0, options.Rounds).Select(_ => MeasureRound(fleet, load, options.Time))];
            Print(fleet, load, rounds);
        }
    }

    private static double[] MeasureRound(ServerFleet fleet, LoadScenario load, TimeSpan time)
        => [.. fleet.Servers.Select(server => Measure(server, load, time))];

    private static double Measure(ServerProcess server, LoadScenario load, TimeSpan time)
    {
        using ILoad running = load.Create(server.EndPoint);
        running.Run(SettleTime);
        long start = Stopwatch.GetTimestamp();
        long messages = running.Run(time);
        return messages * load.UnitsPerMessage / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Print(ServerFleet fleet, LoadScenario load, double[][] rounds)
    {
        for (int i = 0; i < fleet.Servers.Count; i++)
        {
            double[] ratios = [.. rounds.Select(round => round[i] / round[0]).Order()];
            Console.WriteLine(
                $"| {load.Name} | {fleet.Servers[i].Style.Name} | {Median(rounds.Select(round => round[i])):N0} | {load.Unit} | {Median(ratios):F2} | {ratios[0]:F2} to {ratios[^1]:F2} |");
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
