namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Puts a load on servers until the runtime has stopped compiling for it. It compiles what is hot again and again, in the background
/// and on the servers' core, so that one that has just begun is slower by a tenth to a third.
/// </summary>
internal static class WarmUp
{
    private const int QuietRounds = 4;
    private const int MostRounds = 30;
    private static readonly TimeSpan RoundTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan QuietTime = RoundTime / 100;

    public static void Run(IReadOnlyList<MeasuredServer> servers, LoadScenario load)
    {
        var quietRounds = servers.ToDictionary(static server => server, static _ => 0);
        MeasuredServer[] cold = [.. servers];
        for (int round = 0; round < MostRounds && cold.Length > 0; round++)
        {
            TimeSpan[] before = [.. cold.Select(GetCompilationTime)];
            MeasuredRound.Run(cold, load, RoundTime);
            foreach ((MeasuredServer server, TimeSpan timeBefore) in cold.Zip(before))
            {
                quietRounds[server] = GetCompilationTime(server) - timeBefore < QuietTime ? quietRounds[server] + 1 : 0;
            }

            cold = [.. cold.Where(server => quietRounds[server] < QuietRounds)];
        }
    }

    private static TimeSpan GetCompilationTime(MeasuredServer server) => server.Process.GetCompilationTime();
}
