namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Runs each load on each server, in turns, so that whatever else the machine does hits them alike. Ratios are taken within
/// a round. Those per second of the server's processor time hold also while other programs want the same core.
/// </summary>
internal static class CompareCommand
{
    public static void Run(IEnumerable<string> arguments)
    {
        CompareOptions options = CompareOptions.Parse(arguments);
        using var fleet = new ServerFleet(options.Cores, options.Servers);
        options.Cores.PinLoad();

        Console.WriteLine($"{options.Cores.Description}; {options.Rounds} rounds of {options.Time.TotalSeconds} s");
        Console.WriteLine();
        CompareTables.PrintHeader();
        var results = new List<CompareResult>();
        foreach (LoadScenario load in options.Loads)
        {
            CompareResult[] measured = Compare(fleet, load, options);
            Array.ForEach(measured, CompareTables.Print);
            results.AddRange(measured);
        }

        CompareTables.PrintSummary(results);
        if (options.Chart is { } file)
        {
            CompareChart.Save(file, results, $"{options.Cores.Description}; medians of {options.Rounds} rounds, lines from lowest to highest");
        }
    }

    private static CompareResult[] Compare(ServerFleet fleet, LoadScenario load, CompareOptions options)
    {
        MeasuredServer[] servers = [.. fleet.Servers.Where(server => load.FitsTo(server.Kind))];

        // The first round warms the servers up. Every other round goes backwards, so that no server always comes first.
        MeasureRound(servers, load, options.Time, backwards: false);
        Measurement[][] rounds = [.. Enumerable.Range(0, options.Rounds).Select(
            round => MeasureRound(servers, load, options.Time, backwards: round % 2 != 0))];
        Measurement[][] byServer = [.. servers.Select((_, index) => rounds.Select(round => round[index]).ToArray())];
        int limit = Array.FindIndex(servers, server => server.Kind == ServerKind.Limit);
        return [.. servers.Select((server, index) => CompareResult.Of(
            load, server.Kind, byServer[index], bare: byServer[0], limit < 0 ? null : byServer[limit]))];
    }

    private static Measurement[] MeasureRound(MeasuredServer[] servers, LoadScenario load, TimeSpan time, bool backwards)
    {
        var measured = new Measurement[servers.Length];
        for (int i = 0; i < measured.Length; i++)
        {
            int server = backwards ? measured.Length - 1 - i : i;
            measured[server] = Measurement.Of(servers[server], load, time);
        }

        return measured;
    }
}
