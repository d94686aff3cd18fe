namespace KestrelSocketServer.Benchmarks;

/// <summary>Holds many idle connections, tells what each costs its server, and then keeps others busy beside them.</summary>
internal static class MemoryCommand
{
    private const string Usage = "memory [--connections N] [--active N] [--seconds N]";
    private const int WarmUpCount = 500;
    private const int ActiveSize = 1024;

    public static void Run(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        int count = line.TakeNumber("--connections", 10_000);
        int activeCount = line.TakeNumber("--active", 1000);
        TimeSpan time = line.TakeSeconds("--seconds", 3);
        line.End();

        LoadScenario active = LoadScenario.PerMessage("active", activeCount, ActiveSize, depth: 1);
        var cores = new Cores(pinned: true);
        using var fleet = new ServerFleet(cores, ServerKind.All);
        cores.PinLoad();
        Console.WriteLine($"{count:N0} idle connections, bytes per connection; then {activeCount:N0} active ones beside them, {ActiveSize:N0} B a message:");
        Console.WriteLine();
        Console.WriteLine("| server | managed | above bare Kestrel | resident | active, messages/s | idle ones that still answer |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|");
        double? bare = null;
        foreach (MeasuredServer server in fleet.Servers)
        {
            // Both stay open: what a closed connection leaves in pools would make the others look cheaper.
            using var warmUp = new IdleConnections(server.EndPoint, WarmUpCount);
            MemoryUse before = server.Process.GetMemory();
            using var idle = new IdleConnections(server.EndPoint, count);
            MemoryUse after = server.Process.GetMemory();

            double managed = (double)(after.Managed - before.Managed) / count;
            double resident = (double)(after.Resident - before.Resident) / count;
            bare ??= managed;
            double perSecond = MeasuredRound.Run([server], active, time)[0].PerSecond;
            Console.WriteLine($"| {server.Name} | {managed:N0} | {managed - bare:N0} | {resident:N0} | {perSecond:N0} | {idle.CountAnswers():N0} of {count:N0} |");
        }
    }
}
