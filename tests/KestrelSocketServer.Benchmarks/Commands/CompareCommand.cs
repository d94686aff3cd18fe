namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Runs each load on each server, in turns. Ratios are taken within a round. The servers are started several times, as the runtime
/// settles differently in each process.
/// </summary>
internal static class CompareCommand
{
    public static void Run(IEnumerable<string> arguments)
    {
        CompareOptions options = CompareOptions.Parse(arguments);
        Console.WriteLine($"{options.Cores.Description}; {options.Launches} launches, {options.Rounds} rounds of {options.Time.TotalSeconds} s in each");
        Console.WriteLine();
        var rounds = options.Loads.ToDictionary(static load => load, static _ => new List<Measurement[]>());
        for (int launch = 1; launch <= options.Launches; launch++)
        {
            Launch(options, rounds, launch);
        }

        CompareResult[] results = [.. options.Loads.SelectMany(load => GetResults(load, options.GetServers(load), rounds[load]))];
        Console.WriteLine();
        CompareTables.Print(results);
        CompareTables.PrintSummary(results);
        if (options.Chart is { } file)
        {
            CompareChart.Save(
                file,
                results,
                $"{options.Cores.Description}; medians of {options.Launches * options.Rounds} rounds, lines from lowest to highest");
        }
    }

    private static void Launch(CompareOptions options, Dictionary<LoadScenario, List<Measurement[]>> rounds, int launch)
    {
        using var fleet = new ServerFleet(options.Cores, options.Servers);
        options.Cores.PinLoad();
        foreach (LoadScenario load in options.Loads)
        {
            Console.WriteLine($"Launch {launch} of {options.Launches}: {load.Name}");
            MeasuredServer[] servers = [.. fleet.Servers.Where(server => load.FitsTo(server.Kind))];
            WarmUp.Run(servers, load);
            rounds[load].AddRange(Enumerable.Range(0, options.Rounds).Select(_ => MeasuredRound.Run(servers, load, options.Time)));
        }
    }

    private static IEnumerable<CompareResult> GetResults(LoadScenario load, ServerKind[] servers, List<Measurement[]> rounds)
    {
        Measurement[][] byServer = [.. servers.Select((_, index) => rounds.Select(round => round[index]).ToArray())];
        int limit = Array.IndexOf(servers, ServerKind.Limit);
        return servers.Select((server, index) => CompareResult.Of(
            load, server, byServer[index], bare: byServer[0], limit < 0 ? null : byServer[limit]));
    }
}
