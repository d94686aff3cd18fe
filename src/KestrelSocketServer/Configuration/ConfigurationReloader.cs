using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace KestrelSocketServer;

/// <summary>
/// Applies the configuration again when it has changed. A burst of changes leads to one reload or two: one under way, and
/// one after it that sees the last state. None is lost.
/// </summary>
internal sealed class ConfigurationReloader(IConfiguration configuration, Func<Task> reload) : IDisposable
{
    private IDisposable? _registration;
    private int _changes;

    public void Start() => _registration = ChangeToken.OnChange(configuration.GetReloadToken, OnChange);

    public void Dispose() => _registration?.Dispose();

    private void OnChange()
    {
        if (Interlocked.Increment(ref _changes) == 1)
        {
            _ = Task.Run(ReloadAsync);
        }
    }

    private async Task ReloadAsync()
    {
        int seen;
        do
        {
            seen = Volatile.Read(ref _changes);
            await reload().ConfigureAwait(false);
        }
        while (Interlocked.CompareExchange(ref _changes, 0, seen) != seen);
    }
}
