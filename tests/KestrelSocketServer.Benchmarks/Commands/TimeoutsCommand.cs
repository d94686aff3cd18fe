namespace KestrelSocketServer.Benchmarks;

/// <summary>Holds many idle connections, with all time-outs and with none, and tells what that costs their server.</summary>
internal static class TimeoutsCommand
{
    private const string Usage = "timeouts [--connections N] [--seconds N]";
    private const int WarmUpCount = 500;
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(15);

    public static void Run(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        int count = line.TakeNumber("--connections", 10_000);
        TimeSpan time = line.TakeSeconds("--seconds", 5);
        line.End();

        var cores = new Cores(pinned: true);
        cores.PinLoad();
        Console.WriteLine($"{count:N0} idle connections for {time.TotalSeconds:0} s:");
        Console.WriteLine();
        Console.WriteLine("| connections with | processor, % of a core | managed bytes for each |");
        Console.WriteLine("|---|---:|---:|");
        foreach (string name in new[] { TimeoutServer.Without, TimeoutServer.With })
        {
            using ServerProcess server = ServerProcess.Start(cores, TimeoutServer.Verb, name);

            // They stay open: what a closed connection leaves in pools would make the others look cheaper.
            using var warmUp = new IdleConnections(server.EndPoints[0], WarmUpCount);
            MemoryUse before = server.GetMemory();
            using var idle = new IdleConnections(server.EndPoints[0], count);
            MemoryUse after = server.GetMemory();

            // The runtime compiles for a while what runs often.
            Thread.Sleep(WarmUpTime);
            TimeSpan start = server.GetProcessorTime();
            Thread.Sleep(time);
            double share = (server.GetProcessorTime() - start) / time;
            Console.WriteLine($"| {name} | {100 * share:0.00} | {(double)(after.Managed - before.Managed) / count:N0} |");
        }
    }
}
