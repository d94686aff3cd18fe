namespace KestrelSocketServer.Benchmarks;

/// <summary>Prints the results of <see cref="CompareCommand"/>.</summary>
internal static class CompareTables
{
    public static void Print(IEnumerable<CompareResult> results)
    {
        Console.WriteLine("| load | server | median | unit | server's CPU | of bare Kestrel | lowest to highest | of bare Kestrel per CPU second | lowest to highest | of the limit |");
        Console.WriteLine("|---|---|---:|---|---:|---:|---|---:|---|---:|");
        foreach (CompareResult result in results)
        {
            Print(result);
        }
    }

    /// <summary>Prints the ratios to bare Kestrel again, a line for each server.</summary>
    public static void PrintSummary(IReadOnlyList<CompareResult> results)
    {
        LoadScenario[] loads = [.. results.Select(result => result.Load).Distinct()];
        Console.WriteLine();
        Console.WriteLine("Of bare Kestrel; with TLS per CPU second of the server:");
        Console.WriteLine();
        Console.WriteLine($"| echo by | {string.Join(" | ", loads.Select(load => load.Name))} |");
        Console.WriteLine($"|---|{string.Concat(loads.Select(static _ => "---:|"))}");
        foreach (IGrouping<ServerKind, CompareResult> server in results.GroupBy(result => result.Server))
        {
            IEnumerable<string> cells = loads.Select(load => $"{server.FirstOrDefault(result => result.Load == load)?.Ratio.Median:F2}");
            Console.WriteLine($"| {server.Key.Name} | {string.Join(" | ", cells)} |");
        }
    }

    private static void Print(CompareResult result) => Console.WriteLine(
        $"| {result.Load.Name} | {result.Server.Name} | {result.PerSecond.Median:N0} | {result.Load.Unit} | {result.Busy.Median:P0} | {Format(result.OfBare)} | {Format(result.OfBarePerProcessorSecond)} | {result.OfLimit?.Median:F2} |");

    private static string Format(Spread ratio) => $"{ratio.Median:F2} | {ratio.Lowest:F2} to {ratio.Highest:F2}";
}
