namespace KestrelSocketServer.Benchmarks;

/// <summary>Keeps all workers busy for a time, each from one client to the next.</summary>
internal static class SoakLoad
{
    /// <summary>Returns when the time is over and every client has finished what it was doing.</summary>
    public static async Task RunAsync(IEnumerable<SoakWork> works, TimeSpan time)
    {
        using var end = new CancellationTokenSource(time);
        await Task.WhenAll(works.SelectMany(work => Enumerable.Repeat(work, work.Workers)).Select(work => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                await work.DoOnceAsync();
            }
        })));
    }
}
