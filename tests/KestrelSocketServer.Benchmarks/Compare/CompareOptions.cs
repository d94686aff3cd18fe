namespace KestrelSocketServer.Benchmarks;

/// <summary>How long and how often each load runs on each server, how often the servers are started for that, and which of them run.</summary>
internal sealed record CompareOptions(TimeSpan Time, int Rounds, int Launches, IReadOnlyList<LoadScenario> Loads, IReadOnlyList<ServerKind> Servers, Cores Cores, string? Chart)
{
    private const string Usage =
        "compare [--seconds N] [--rounds N] [--launches N] [--load TEXT]... [--server TEXT]... [--unpinned] [--chart FILE]; "
        + "a load or server runs when its name contains one of the texts, and bare Kestrel always does";

    public static CompareOptions Parse(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        IReadOnlyList<string> loadTexts = line.TakeTexts("--load");
        IReadOnlyList<string> serverTexts = line.TakeTexts("--server");
        ServerKind[] compared = [.. ServerKind.All.Where(server => server != ServerKind.Bare && IsMeant(server.Name, serverTexts))];
        LoadScenario[] loads = [.. LoadScenario.All.Where(load => IsMeant(load.Name, loadTexts) && compared.Any(load.FitsTo))];
        var options = new CompareOptions(
            line.TakeSeconds("--seconds", 0.4),
            line.TakeNumber("--rounds", 3),
            line.TakeNumber("--launches", 3),
            loads,
            [ServerKind.Bare, .. compared],
            new Cores(pinned: !line.TakeFlag("--unpinned")),
            line.TakeText("--chart"));
        line.End();
        return loads.Length > 0 ? options : throw new ArgumentException("No load and no server that fits to it have a name with these texts.");
    }

    public ServerKind[] GetServers(LoadScenario load) => [.. Servers.Where(load.FitsTo)];

    private static bool IsMeant(string name, IReadOnlyList<string> texts)
        => texts.Count == 0 || texts.Any(text => name.Contains(text, StringComparison.OrdinalIgnoreCase));
}
