using System.Threading.Tasks.Sources;

namespace KestrelSocketServer.Connections;

/// <summary>
/// An auto-reset event for one waiter that allocates nothing per wait. Setting it any number of times wakes once. The waiter goes on
/// inside the call.
/// </summary>
internal sealed class WakeSignal : IValueTaskSource
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Signaled = 2;

    private ManualResetValueTaskSourceCore<bool> _source;
    private int _state;

    /// <returns>Whether somebody waited.</returns>
    public bool Set()
    {
        if (Interlocked.Exchange(ref _state, Signaled) != Waiting)
        {
            return false;
        }

        _source.SetResult(true);
        return true;
    }

    public ValueTask WaitAsync()
    {
        _source.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Signaled)
        {
            Clear();
            return ValueTask.CompletedTask;
        }

        return new ValueTask(this, _source.Version);
    }

    // A full fence: the waiter looks at the state that it was woken for only after this, so that a later change wakes it again.
    private void Clear() => Interlocked.Exchange(ref _state, Idle);

    void IValueTaskSource.GetResult(short token)
    {
        Clear();
        _source.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _source.OnCompleted(continuation, state, token, flags);
}
