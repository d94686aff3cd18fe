using System.Globalization;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Keeps one server busy with all that clients do, good and bad, and looks whether anything stays behind.</summary>
internal static class SoakCommand
{
    private const string Usage = "soak [--minutes N] [--driver EventLoop|Socket]";
    private const double MiB = 1024 * 1024;

    /// <summary>Returns whether nothing was left behind and nothing failed.</summary>
    public static async Task<bool> RunAsync(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        var time = TimeSpan.FromMinutes(line.TakeNumber("--minutes", 10.0));
        SocketTransportDriver driver = line.TakeName("--driver", SocketTransportDriver.EventLoop);
        line.End();

        // A reading each minute; a shorter run has two, for there must be something to compare.
        int count = Math.Max((int)time.TotalMinutes, 2);
        using ServerProcess server = ServerProcess.Start(new Cores(pinned: false), SoakServer.Verb, driver.ToString());
        IReadOnlyList<SoakWork> works = new SoakWorks(server.EndPoints).ToList();
        Console.WriteLine($"A server on the driver {driver}, soaked for {time.TotalMinutes:0.##} minutes. Counts are those since the start.");
        Console.WriteLine();
        PrintHeader(works);
        var readings = new List<SoakReading>();
        for (int i = 1; i <= count; i++)
        {
            await SoakLoad.RunAsync(works, time / count);
            readings.Add(await SoakReading.TakeAsync(server));
            Print((time / count * i).TotalMinutes, readings[^1], works);
        }

        string[] faults = [.. readings[^1].FindLeaks(readings[0]), .. works.Where(work => work.Failed > 0).Select(work => $"{work.Failed:N0} errors in {work.Name}")];
        Console.WriteLine();
        Console.WriteLine(faults.Length == 0 ? "PASS" : $"FAIL: {string.Join("; ", faults)}");
        return faults.Length == 0;
    }

    private static void PrintHeader(IReadOnlyList<SoakWork> works)
    {
        Console.WriteLine($"| minute | managed MiB | resident MiB | handles | threads | connections left | {string.Join(" | ", works.Select(work => work.Name))} | errors |");
        Console.WriteLine($"|---:|---:|---:|---:|---:|---:|{string.Concat(works.Select(static _ => "---:|"))}---:|");
    }

    private static void Print(double minute, SoakReading reading, IReadOnlyList<SoakWork> works)
    {
        string memory = string.Create(CultureInfo.InvariantCulture, $"{reading.Memory.Managed / MiB:F2} | {reading.Memory.Resident / MiB:F1}");
        Console.WriteLine(
            $"| {minute:0.##} | {memory} | {reading.Handles} | {reading.Threads} | {reading.Connections} | {string.Join(" | ", works.Select(work => work.Done.ToString("N0", CultureInfo.InvariantCulture)))} | {works.Sum(work => work.Failed)} |");
    }
}
