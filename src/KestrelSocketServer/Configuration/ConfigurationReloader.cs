using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace KestrelSocketServer.Configuration;

/// <summary>
/// Applies the configuration again when it has changed. A burst of changes leads to one reload or two: one under way, and
/// one after it that sees the last state. None is lost: what the system has no room for is tried again, ever more slowly, up to
/// <see cref="LongestDelay"/>.
/// </summary>
internal sealed class ConfigurationReloader : IDisposable
{
    private static readonly TimeSpan ShortestDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReadingDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(30);

    private readonly IConfiguration _configuration;
    private readonly Func<bool, Task<bool>> _reload;
    private readonly ITimer _timer;
    private TimeSpan _delay = ShortestDelay;
    private int _changes;
    private int _isChanged;
    private volatile bool _isPostponed;
    private volatile bool _disposed;

    /// <param name="configuration">The configuration.</param>
    /// <param name="files">The readers of its files.</param>
    /// <param name="reload">
    /// Applies the configuration, given whether it is told to have changed, rather than tried again; returns whether that is done with,
    /// and false when it is to be tried again. Throws nothing.
    /// </param>
    /// <param name="timeProvider">The clock.</param>
    public ConfigurationReloader(
        IConfiguration configuration, IEnumerable<FileConfigurationProvider> files, Func<bool, Task<bool>> reload, TimeProvider timeProvider)
    {
        _configuration = configuration;
        _reload = reload;
        Files = [.. files.Select(file => new ConfigurationFile(file, timeProvider, TryAgainAfter, OnFileRead))];
        _timer = timeProvider.CreateTimer(
            static reloader => ((ConfigurationReloader)reloader!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The files of the configuration that are followed.</summary>
    public IReadOnlyList<ConfigurationFile> Files { get; }

    public void Start()
    {
        Watch();
        foreach (ConfigurationFile file in Files)
        {
            file.Start();
        }
    }

    public void Dispose()
    {
        _disposed = true;
        _timer.Dispose();
        foreach (ConfigurationFile file in Files)
        {
            file.Dispose();
        }
    }

    // Not by ChangeToken.OnChange: it may drop a registration whose token changes at that very moment, and the change with it.
    private void Watch()
    {
        IChangeToken token = _configuration.GetReloadToken();
        token.RegisterChangeCallback(static state => ((ConfigurationReloader)state!).OnChange(), this);
    }

    private void OnChange()
    {
        if (!_disposed)
        {
            // Before the change is counted: what changes from here on is told by the next token.
            Watch();
            Volatile.Write(ref _isChanged, 1);
            Request();
        }
    }

    private void OnFileRead()
    {
        if (_isPostponed)
        {
            Request();
        }
    }

    private void OnTimer()
    {
        if (_delay > ShortestDelay || Files.Any(static file => file.IsUnread))
        {
            Request();
        }
    }

    private void TryAgainAfter(TimeSpan delay)
    {
        if (!_disposed)
        {
            _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }

    private void Request()
    {
        if (!_disposed && Interlocked.Increment(ref _changes) == 1)
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

            // Set before it is looked at, so that a file that is read right now is not missed.
            _isPostponed = true;
            if (Files.Any(static file => file.IsBeingRead))
            {
                TryAgainAfter(ReadingDelay);
                continue;
            }

            _isPostponed = false;
            if (await _reload(Interlocked.Exchange(ref _isChanged, 0) == 1).ConfigureAwait(false))
            {
                _delay = ShortestDelay;
            }
            else
            {
                TryAgainAfter(_delay);
                _delay = TimeSpan.FromTicks(Math.Min(_delay.Ticks * 2, LongestDelay.Ticks));
            }
        }
        while (Interlocked.CompareExchange(ref _changes, 0, seen) != seen);
    }
}
