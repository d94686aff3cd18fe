namespace KestrelSocketServer.Benchmarks;

/// <summary>Keeps all workers busy for a time, each from one client to the next, at a pace that leaves time for the others.</summary>
internal static class SoakLoad
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    /// <summary>Returns when the time is over and every client has finished what it was doing.</summary>
    public static async Task RunAsync(IEnumerable<SoakWork> works, TimeSpan time)
    {
        using var end = new CancellationTokenSource(time);
        await Task.WhenAll(works.SelectMany(work => Enumerable.Repeat(work, work.Workers)).Select(work => Task.Run(async () =>
        {
            using var pace = new PeriodicTimer(Pace);
            while (!end.IsCancellationRequested && await pace.WaitForNextTickAsync(CancellationToken.None))
            {
                await work.DoOnceAsync();
            }
        })));
    }
}
