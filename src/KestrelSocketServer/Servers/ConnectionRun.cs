using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer;

/// <summary>
/// Runs one connection where its work runs, from its start to its disposal. Kestrel's dispatcher takes each through the thread pool
/// first, which costs more than the whole rest of a short connection. What Kestrel adds to a connection is there too.
/// </summary>
internal sealed class ConnectionRun(TransportConnection connection, ConnectionDelegate pipeline, ConnectionRunner runner)
    : IThreadPoolWorkItem, IConnectionCompleteFeature, IConnectionHeartbeatFeature, IConnectionLifetimeNotificationFeature
{
    private readonly Lock _lock = new();
    private CancellationTokenSource? _closeRequested;
    private Stack<(Func<object, Task> Callback, object State)>? _onCompleted;
    private List<(Action<object> Action, object State)>? _heartbeats;
    private bool _isCloseRequested;
    private bool _isCompleted;

    public CancellationToken ConnectionClosedRequested
    {
        get
        {
            lock (_lock)
            {
                _closeRequested ??= new CancellationTokenSource();
                if (_isCloseRequested)
                {
                    _closeRequested.Cancel();
                }

                return _closeRequested.Token;
            }
        }

        set => throw new NotSupportedException("The server itself tells when the connection is to be closed.");
    }

    public void Start()
    {
        connection.Features.Set<IConnectionCompleteFeature>(this);
        connection.Features.Set<IConnectionHeartbeatFeature>(this);
        connection.Features.Set<IConnectionLifetimeNotificationFeature>(this);
        connection.IsAtItsPlace = true;
        connection.Schedule(this);
    }

    public void RequestClose()
    {
        CancellationTokenSource? closeRequested;
        lock (_lock)
        {
            _isCloseRequested = true;
            closeRequested = _closeRequested;
        }

        closeRequested?.Cancel();
    }

    public void Abort() => connection.Abort(new ConnectionAbortedException("The connection was aborted, as the server is shutting down."));

    public void OnCompleted(Func<object, Task> callback, object state)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isCompleted, connection);
            (_onCompleted ??= []).Push((callback, state));
        }
    }

    public void OnHeartbeat(Action<object> action, object state)
    {
        bool isFirst;
        lock (_lock)
        {
            isFirst = _heartbeats is null;
            (_heartbeats ??= []).Add((action, state));
        }

        if (isFirst)
        {
            runner.AddHeartbeat(this);
        }
    }

    public void Tick()
    {
        lock (_lock)
        {
            _heartbeats!.ForEach(static heartbeat => heartbeat.Action(heartbeat.State));
        }
    }

    void IThreadPoolWorkItem.Execute() => _ = RunAsync();

    private async Task RunAsync()
    {
        using (runner.Logger.BeginConnectionScope(connection))
        {
            try
            {
                await pipeline(connection).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                runner.OnFault(connection, exception);
            }

            await CompleteAsync().ConfigureAwait(false);
        }

        await connection.DisposeAsync().ConfigureAwait(false);
        runner.Remove(this, hasHeartbeat: _heartbeats is not null);
    }

    // The last one first, as Kestrel does.
    private async ValueTask CompleteAsync()
    {
        lock (_lock)
        {
            _isCompleted = true;
        }

        while (_onCompleted is not null && _onCompleted.TryPop(out (Func<object, Task> Callback, object State) completed))
        {
            try
            {
                await completed.Callback(completed.State).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                runner.OnFault(connection, exception);
            }
        }
    }
}
