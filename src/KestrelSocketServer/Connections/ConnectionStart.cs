using System.Runtime.CompilerServices;

namespace KestrelSocketServer;

/// <summary>
/// Awaited, goes on where the connection's work runs. Kestrel starts connections on the thread pool, where a few handlers that block
/// would keep all others from starting.
/// </summary>
internal sealed class ConnectionStart(IConnectionControl control) : ICriticalNotifyCompletion, IThreadPoolWorkItem
{
    private Action? _continuation;

    public bool IsCompleted => !control.HasOwnThreads;

    public ConnectionStart GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation)
    {
        _continuation = continuation;
        control.Schedule(this);
    }

    void IThreadPoolWorkItem.Execute() => _continuation!();
}
