namespace KestrelSocketServer.Benchmarks;

/// <summary>Something that clients do to the server, over and over, some of them at a time. What it throws is an error.</summary>
internal sealed class SoakWork(string name, int workers, Func<CancellationToken, Task> doOnceAsync)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(60);

    private int _done;
    private int _failed;

    public string Name => name;

    public int Workers => workers;

    public int Done => _done;

    public int Failed => _failed;

    public async Task DoOnceAsync()
    {
        using var cancellation = new CancellationTokenSource(TimeLimit);
        try
        {
            await doOnceAsync(cancellation.Token);
            Interlocked.Increment(ref _done);
        }
        catch (Exception exception)
        {
            if (Interlocked.Increment(ref _failed) <= 3)
            {
                Console.Error.WriteLine($"{name}: {exception.GetType().Name}: {exception.Message}");
            }
        }
    }
}
