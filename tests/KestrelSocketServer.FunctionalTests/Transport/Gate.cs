namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>Where handlers block, with the thread that they run on, until the test lets them go on.</summary>
internal sealed class Gate : IDisposable
{
    private const int All = 1_000_000;

    private readonly SemaphoreSlim _blocked = new(0);
    private readonly SemaphoreSlim _pass = new(0);

    /// <summary>Called by a handler.</summary>
    public void Block()
    {
        _blocked.Release();
        Assert.True(_pass.Wait(4 * Timeouts.Generous), "Nobody has let the handler go on.");
    }

    /// <summary>Completes when that many more handlers have come to block.</summary>
    public async Task BlockedAsync(int count = 1)
    {
        for (int i = 0; i < count; i++)
        {
            await WaitAsync();
        }
    }

    /// <summary>Lets some handlers go on.</summary>
    public void Let(int count) => _pass.Release(count);

    /// <summary>Lets all go on, those too that come later.</summary>
    public void Open() => _pass.Release(All);

    /// <summary>Also when the test has failed: no thread stays behind.</summary>
    public void Dispose() => Open();

    private async Task WaitAsync() => Assert.True(await _blocked.WaitAsync(Timeouts.Generous), "No handler has come.");
}
