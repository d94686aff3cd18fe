using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Tells how long clients take that come one after the other while others keep the server busy, in turns.</summary>
internal static class AcceptCommand
{
    private const string Usage = "accept [--busy N] [--clients N] [--at-a-time N] [--rounds N] [--unpinned]";
    private const int BusySize = 1024;
    private const int ClientSize = 32;

    public static void Run(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        int busy = line.TakeNumber("--busy", 1000);
        int clients = line.TakeNumber("--clients", 3000);
        int atATime = line.TakeNumber("--at-a-time", 1);
        int rounds = line.TakeNumber("--rounds", 5);
        var cores = new Cores(pinned: !line.TakeFlag("--unpinned"));
        line.End();

        LoadScenario scenario = LoadScenario.PerMessage("busy", busy, BusySize, depth: 1);
        using var fleet = new ServerFleet(cores, [ServerKind.Bare, ServerKind.Events, ServerKind.Find("Data/Write on Socket")]);
        cores.PinLoad();
        MeasureRound(fleet, scenario, clients, atATime, backwards: false);
        Console.WriteLine($"{cores.Description}; {clients:N0} clients, {atATime:N0} at a time, beside {busy:N0} connections that are always busy; {rounds} rounds");
        Console.WriteLine();
        Console.WriteLine("Medians of the rounds (lowest to highest):");
        Console.WriteLine();
        Console.WriteLine("| server | all clients, s | ratio to bare Kestrel | busy messages/s | busy messages for each client | overflows of the listen queue |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|");
        Print(fleet, clients, [.. Enumerable.Range(0, rounds).Select(round => MeasureRound(fleet, scenario, clients, atATime, backwards: round % 2 != 0))]);
    }

    // Every other round goes backwards, so that no server always comes first.
    private static Result[] MeasureRound(ServerFleet fleet, LoadScenario scenario, int clients, int atATime, bool backwards)
    {
        var results = new Result[fleet.Servers.Count];
        for (int i = 0; i < results.Length; i++)
        {
            int server = backwards ? results.Length - 1 - i : i;
            results[server] = Measure(fleet.Servers[server], scenario, clients, atATime);
        }

        return results;
    }

    private static Result Measure(MeasuredServer server, LoadScenario scenario, int clients, int atATime)
    {
        TimeSpan slice = TimeSpan.FromMilliseconds(10);
        bool isOver = false;
        long messages = 0;
        using ILoad busy = scenario.Start(server);
        using var isBusy = new ManualResetEventSlim();
        var keeper = new Thread(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                messages += busy.Run(slice);
                isBusy.Set();
            }
        });
        keeper.Start();
        isBusy.Wait();

        using var load = new ConnectLoad(server.EndPoint, atATime, ClientSize);
        long overflows = ListenOverflows.Count();
        long start = Stopwatch.GetTimestamp();
        for (long done = 0; done < clients;)
        {
            done += load.Run(TimeSpan.FromMilliseconds(1));
        }

        TimeSpan time = Stopwatch.GetElapsedTime(start);
        overflows = ListenOverflows.Count() - overflows;
        Volatile.Write(ref isOver, true);
        keeper.Join();
        return new Result(time.TotalSeconds, messages / time.TotalSeconds, overflows);
    }

    private static void Print(ServerFleet fleet, int clients, Result[][] rounds)
    {
        for (int i = 0; i < fleet.Servers.Count; i++)
        {
            var time = Spread.Of(rounds.Select(round => round[i].Seconds));
            var ratio = Spread.Of(rounds.Select(round => round[i].Seconds / round[0].Seconds));
            var messages = Spread.Of(rounds.Select(round => round[i].MessagesPerSecond));

            // Of what was to be done, not of how fast: how far a new client has to wait behind the others.
            var between = Spread.Of(rounds.Select(round => round[i].MessagesPerSecond * round[i].Seconds / clients));
            Console.WriteLine(
                $"| {fleet.Servers[i].Name} | {time.Median:N2} ({time.Lowest:N2} to {time.Highest:N2}) | {ratio.Median:N2} ({ratio.Lowest:N2} to {ratio.Highest:N2}) "
                + $"| {messages.Median:N0} ({messages.Lowest:N0} to {messages.Highest:N0}) "
                + $"| {between.Median:N0} ({between.Lowest:N0} to {between.Highest:N0}) | {rounds.Sum(round => round[i].Overflows):N0} |");
        }
    }

    private readonly record struct Result(double Seconds, double MessagesPerSecond, long Overflows);
}
