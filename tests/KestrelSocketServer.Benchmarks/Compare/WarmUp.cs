namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Puts a load on servers until the runtime has stopped compiling for it. It compiles what is hot again and again, in the background
/// and on the servers' core, so that one that has just begun is slower by a tenth to a third.
/// </summary>
internal static class WarmUp
{
    private const int QuietRounds = 5;
    private const int MostRounds = 30;
    private static readonly TimeSpan RoundTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan QuietTime = RoundTime / 100;

    public static void Run(IReadOnlyList<MeasuredServer> servers, LoadScenario load)
    {
        int quietRounds = 0;
        for (int round = 0; round < MostRounds && quietRounds < QuietRounds; round++)
        {
            TimeSpan[] before = GetCompilationTimes(servers);
            MeasuredRound.Run(servers, load, RoundTime);
            bool isQuiet = GetCompilationTimes(servers).Zip(before, static (after, before) => after - before).All(time => time < QuietTime);
            quietRounds = isQuiet ? quietRounds + 1 : 0;
        }
    }

    private static TimeSpan[] GetCompilationTimes(IReadOnlyList<MeasuredServer> servers)
        => [.. servers.Select(static server => server.Process.GetCompilationTime())];
}
