namespace KestrelSocketServer.Benchmarks;

/// <summary>Counts what a server allocates per echoed message once it is warm.</summary>
internal static class AllocationsCommand
{
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(2);

    public static void Run()
    {
        using var fleet = ServerFleet.Start();
        Cores.PinLoad();

        Console.WriteLine("| server | messages | bytes allocated per message |");
        Console.WriteLine("|---|---:|---:|");
        foreach (ServerProcess server in fleet.Servers)
        {
            using ILoad load = LoadScenario.PingPong.Create(server.EndPoint);
            load.Run(WarmUpTime);
            long before = server.GetAllocatedBytes();
            long messages = load.Run(Time);
            long allocated = server.GetAllocatedBytes() - before;
            Console.WriteLine($"| {server.Style.Name} | {messages:N0} | {(double)allocated / messages:F3} |");
        }
    }
}
