namespace KestrelSocketServer.Benchmarks;

/// <summary>Counts what a server allocates once it is warm: for each message, and for each connection with one message.</summary>
internal static class AllocationsCommand
{
    private const string Usage = "allocations [--seconds N]";

    public static void Run(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        TimeSpan time = line.TakeSeconds("--seconds", 2);
        line.End();

        var cores = new Cores(pinned: true);
        using var fleet = new ServerFleet(cores, ServerKind.All);
        cores.PinLoad();
        Console.WriteLine("| server | messages | bytes allocated per message | connections | bytes allocated per connection |");
        Console.WriteLine("|---|---:|---:|---:|---:|");
        foreach (MeasuredServer server in fleet.Servers)
        {
            (long messages, double perMessage) = Measure(server, LoadScenario.PingPong, time);
            (long connections, double perConnection) = Measure(server, LoadScenario.ConnectEchoClose, time);
            Console.WriteLine($"| {server.Name} | {messages:N0} | {perMessage:F3} | {connections:N0} | {perConnection:N0} |");
        }
    }

    private static (long Count, double BytesEach) Measure(MeasuredServer server, LoadScenario scenario, TimeSpan time)
    {
        WarmUp.Run([server], scenario);
        using ILoad load = scenario.Start(server);
        load.Run(time);
        long before = server.Process.GetAllocatedBytes();
        long count = load.Run(time);
        return (count, (double)(server.Process.GetAllocatedBytes() - before) / count);
    }
}
