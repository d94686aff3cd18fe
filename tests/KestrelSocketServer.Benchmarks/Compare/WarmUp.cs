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
        foreach (MeasuredServer server in servers)
        {
            Run(server, load);
        }
    }

    private static void Run(MeasuredServer server, LoadScenario load)
    {
        int quietRounds = 0;
        for (int round = 0; round < MostRounds && quietRounds < QuietRounds; round++)
        {
            TimeSpan before = server.Process.GetCompilationTime();
            MeasuredRound.Run([server], load, RoundTime);
            bool isQuiet = server.Process.GetCompilationTime() - before < QuietTime;
            quietRounds = isQuiet ? quietRounds + 1 : 0;
        }
    }
}
