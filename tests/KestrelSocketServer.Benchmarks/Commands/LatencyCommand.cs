namespace KestrelSocketServer.Benchmarks;

/// <summary>Tells how long messages take at the same fixed rate, in turns.</summary>
internal static class LatencyCommand
{
    private const string Usage = "latency [--rate MESSAGES_PER_SECOND] [--seconds N] [--rounds N] [--unpinned]";
    private const int Connections = 64;
    private const int Size = 32;
    private static readonly TimeSpan ProbeTime = TimeSpan.FromSeconds(1);
    private static readonly double[] Shares = [0.5, 0.99, 0.999];

    public static void Run(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        int givenRate = line.TakeNumber("--rate", int.MaxValue);
        TimeSpan time = line.TakeSeconds("--seconds", 2);
        int rounds = line.TakeNumber("--rounds", 5);
        var cores = new Cores(pinned: !line.TakeFlag("--unpinned"));
        line.End();

        using var fleet = new ServerFleet(cores, [ServerKind.Bare, ServerKind.Events, ServerKind.Pull]);
        cores.PinLoad();
        WarmUp.Run(fleet.Servers, LoadScenario.PingPong);
        int rate = givenRate == int.MaxValue ? ProbeRate(fleet.Servers[0]) : givenRate;
        Console.WriteLine($"{cores.Description}; {rate:N0} messages/s of {Size} B over {Connections} connections; {rounds} rounds of {time.TotalSeconds} s");
        Console.WriteLine();
        Console.WriteLine("Microseconds from when a message was due until its echo was there, medians of the rounds (lowest to highest):");
        Console.WriteLine();
        Console.WriteLine("| server | p50 | p99 | p99.9 |");
        Console.WriteLine("|---|---:|---:|---:|");
        Print(fleet, [.. MeasureRounds(fleet, rate, time, rounds)]);
    }

    // Half of what bare Kestrel manages.
    private static int ProbeRate(MeasuredServer bare)
        => (int)(MeasuredRound.Run([bare], LoadScenario.PingPong, ProbeTime)[0].PerSecond / 2);

    // Every other round goes backwards, so that no server always comes first.
    private static IEnumerable<Latencies[]> MeasureRounds(ServerFleet fleet, int rate, TimeSpan time, int rounds)
        => Enumerable.Range(0, rounds).Select(round => MeasureRound(fleet, rate, time, backwards: round % 2 != 0));

    private static Latencies[] MeasureRound(ServerFleet fleet, int rate, TimeSpan time, bool backwards)
    {
        var measured = new Latencies[fleet.Servers.Count];
        for (int i = 0; i < measured.Length; i++)
        {
            int server = backwards ? measured.Length - 1 - i : i;
            using var load = new OpenLoopLoad(fleet.Servers[server].EndPoint, Connections, Size);
            measured[server] = load.Run(rate, time);
        }

        return measured;
    }

    private static void Print(ServerFleet fleet, Latencies[][] rounds)
    {
        for (int i = 0; i < fleet.Servers.Count; i++)
        {
            IEnumerable<Spread> spreads = Shares.Select(share => Spread.Of(rounds.Select(round => round[i].GetMicroseconds(share))));
            IEnumerable<string> cells = spreads.Select(spread => $"{spread.Median:N0} ({spread.Lowest:N0} to {spread.Highest:N0})");
            Console.WriteLine($"| {fleet.Servers[i].Name} | {string.Join(" | ", cells)} |");
        }
    }
}
