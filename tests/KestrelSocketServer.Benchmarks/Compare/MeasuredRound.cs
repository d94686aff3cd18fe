using System.Diagnostics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Puts a load on servers in short slices of time, in turns: the speed of a shared machine changes from one second to the next,
/// and so it hits them alike.
/// </summary>
internal sealed class MeasuredRound : IDisposable
{
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(100);

    private readonly IReadOnlyList<MeasuredServer> _servers;
    private readonly LoadScenario _load;
    private readonly List<ILoad> _running = [];

    private MeasuredRound(IReadOnlyList<MeasuredServer> servers, LoadScenario load)
    {
        _servers = servers;
        _load = load;
    }

    /// <summary>Returns what each server did in its share of the time, on connections that are new.</summary>
    public static Measurement[] Run(IReadOnlyList<MeasuredServer> servers, LoadScenario load, TimeSpan timePerServer)
    {
        using var round = new MeasuredRound(servers, load);
        round.Start();
        var measured = new Measurement[servers.Count];
        for (int slice = 0; slice * Slice < timePerServer; slice++)
        {
            // Every other time backwards, so that no server always comes first.
            IEnumerable<int> order = Enumerable.Range(0, servers.Count);
            foreach (int server in slice % 2 == 0 ? order : order.Reverse())
            {
                measured[server] += round.Measure(server);
            }
        }

        return measured;
    }

    public void Dispose() => _running.ForEach(static load => load.Dispose());

    // What comes right after the connections is not measured.
    private void Start()
    {
        foreach (MeasuredServer server in _servers)
        {
            _running.Add(_load.Start(server));
            _running[^1].Run(Slice);
        }
    }

    private Measurement Measure(int server)
    {
        ServerProcess process = _servers[server].Process;
        TimeSpan busy = process.GetProcessorTime();
        long start = Stopwatch.GetTimestamp();
        double units = _running[server].Run(Slice) * _load.UnitsPerMessage;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        return new Measurement(units, elapsed, process.GetProcessorTime() - busy);
    }
}
