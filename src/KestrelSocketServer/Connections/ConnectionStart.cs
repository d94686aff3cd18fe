using System.Threading.Tasks.Sources;

namespace KestrelSocketServer;

/// <summary>
/// Waited for, goes on where the connection's work runs. Kestrel starts connections with its own TLS on the thread pool, where a few handlers that
/// block would keep all others from starting.
/// </summary>
internal sealed class ConnectionStart(IConnectionControl control) : IValueTaskSource, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<bool> _source;

    public static ValueTask WaitAsync(IConnectionControl control)
    {
        var start = new ConnectionStart(control);
        return new ValueTask(start, start._source.Version);
    }

    void IThreadPoolWorkItem.Execute() => _source.SetResult(true);

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    // Scheduled only now: where the loop was faster than who waits, that would go on where it is.
    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _source.OnCompleted(continuation, state, token, flags);
        control.Schedule(this);
    }
}
