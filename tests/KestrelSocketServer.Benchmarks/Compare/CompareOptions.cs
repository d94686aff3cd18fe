namespace KestrelSocketServer.Benchmarks;

/// <summary>How long and how often each load runs on each server, and which of them do.</summary>
internal sealed record CompareOptions(TimeSpan Time, int Rounds, IReadOnlyList<LoadScenario> Loads, IReadOnlyList<ServerKind> Servers, Cores Cores, string? Chart)
{
    private const string Usage =
        "compare [--seconds N] [--rounds N] [--load TEXT]... [--server TEXT]... [--unpinned] [--chart FILE]; "
        + "a load or server runs when its name contains one of the texts, and bare Kestrel always does";

    public static CompareOptions Parse(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        IReadOnlyList<string> loads = line.TakeTexts("--load");
        IReadOnlyList<string> servers = line.TakeTexts("--server");
        var options = new CompareOptions(
            line.TakeSeconds("--seconds", 0.4),
            line.TakeNumber("--rounds", 3),
            [.. LoadScenario.All.Where(load => IsMeant(load.Name, loads))],
            [.. ServerKind.All.Where(server => server == ServerKind.Bare || IsMeant(server.Name, servers))],
            new Cores(pinned: !line.TakeFlag("--unpinned")),
            line.TakeText("--chart"));
        line.End();
        return options switch
        {
            { Loads.Count: 0 } => throw new ArgumentException("No load has a name with that text."),
            { Servers.Count: 1 } => throw new ArgumentException("No server beside bare Kestrel has a name with that text."),
            _ => options,
        };
    }

    private static bool IsMeant(string name, IReadOnlyList<string> texts)
        => texts.Count == 0 || texts.Any(text => name.Contains(text, StringComparison.OrdinalIgnoreCase));
}
