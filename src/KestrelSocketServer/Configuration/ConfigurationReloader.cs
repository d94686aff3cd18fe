using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace KestrelSocketServer;

/// <summary>
/// Applies the configuration again when it has changed. A burst of changes leads to one reload or two: one under way, and
/// one after it that sees the last state. None is lost.
/// </summary>
internal sealed class ConfigurationReloader(IConfiguration configuration, Func<Task> reload) : IDisposable
{
    private int _changes;
    private volatile bool _disposed;

    // Not by ChangeToken.OnChange: it may drop a registration whose token changes at that very moment, and the change with it.
    public void Start()
    {
        IChangeToken token = configuration.GetReloadToken();
        token.RegisterChangeCallback(static state => ((ConfigurationReloader)state!).OnChange(), this);
    }

    public void Dispose() => _disposed = true;

    private void OnChange()
    {
        if (_disposed)
        {
            return;
        }

        // Before the change is counted: what changes from here on is told by the next token.
        Start();
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
