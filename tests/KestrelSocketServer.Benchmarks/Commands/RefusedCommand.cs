namespace KestrelSocketServer.Benchmarks;

/// <summary>Tells what a refused connection costs the server, and what one costs that is accepted and closed at once, in turns.</summary>
internal static class RefusedCommand
{
    private const string Usage = "refused [--driver EventLoop|Socket] [--seconds N] [--rounds N] [--unpinned]";

    private const int AtATime = 64;

    public static void Run(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        SocketTransportDriver driver = line.TakeName("--driver", SocketTransportDriver.EventLoop);
        TimeSpan time = line.TakeSeconds("--seconds", 2);
        int rounds = line.TakeNumber("--rounds", 5);
        var cores = new Cores(pinned: !line.TakeFlag("--unpinned"));
        line.End();

        using ServerProcess server = ServerProcess.Start(cores, GateServer.Verb, driver.ToString());
        cores.PinLoad();
        Measure(server, endpoint: 0, time);
        Measure(server, endpoint: 1, time);
        Console.WriteLine($"{cores.Description}; driver {driver}; {rounds} rounds of {time.TotalSeconds} s");
        Console.WriteLine();
        Console.WriteLine("Microseconds of the server's processors for each connection, medians of the rounds (lowest to highest):");
        Console.WriteLine();
        Console.WriteLine("| accepted and closed | refused | ratio |");
        Console.WriteLine("|---:|---:|---:|");
        (double Accepted, double Refused)[] measured =
            [.. Enumerable.Range(0, rounds).Select(_ => (Measure(server, endpoint: 0, time), Measure(server, endpoint: 1, time)))];
        var accepted = Spread.Of(measured.Select(round => round.Accepted));
        var refused = Spread.Of(measured.Select(round => round.Refused));
        var ratio = Spread.Of(measured.Select(round => round.Refused / round.Accepted));
        Console.WriteLine(
            $"| {accepted.Median:N1} ({accepted.Lowest:N1} to {accepted.Highest:N1}) | {refused.Median:N1} ({refused.Lowest:N1} to {refused.Highest:N1}) "
            + $"| {ratio.Median:N2} ({ratio.Lowest:N2} to {ratio.Highest:N2}) |");
    }

    private static double Measure(ServerProcess server, int endpoint, TimeSpan time)
    {
        using var load = new FloodLoad(server.EndPoints[endpoint], AtATime);
        TimeSpan before = server.GetProcessorTime();
        long connections = load.Run(time);
        return (server.GetProcessorTime() - before).TotalMicroseconds / connections;
    }
}
