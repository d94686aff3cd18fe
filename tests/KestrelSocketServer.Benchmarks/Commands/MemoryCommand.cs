namespace KestrelSocketServer.Benchmarks;

/// <summary>Holds many idle connections and tells what each costs its server.</summary>
internal static class MemoryCommand
{
    private const int WarmUpCount = 500;
    private const int Count = 10_000;

    public static void Run()
    {
        using var fleet = ServerFleet.Start();
        double? bare = null;

        Console.WriteLine($"{Count:N0} idle connections, bytes per connection:");
        Console.WriteLine();
        Console.WriteLine("| server | managed | above bare Kestrel | resident |");
        Console.WriteLine("|---|---:|---:|---:|");
        foreach (ServerProcess server in fleet.Servers)
        {
            (double managed, double resident) = Measure(server);
            bare ??= managed;
            Console.WriteLine($"| {server.Style.Name} | {managed:N0} | {managed - bare:N0} | {resident:N0} |");
        }
    }

    private static (double Managed, double Resident) Measure(ServerProcess server)
    {
        // Both stay open: what a closed connection leaves in pools would make the others look cheaper.
        using var warmUp = new IdleConnections(server.EndPoint, WarmUpCount);
        MemoryUse before = server.GetMemory();
        using var idle = new IdleConnections(server.EndPoint, Count);
        MemoryUse after = server.GetMemory();
        return ((double)(after.Managed - before.Managed) / Count, (double)(after.Resident - before.Resident) / Count);
    }
}
