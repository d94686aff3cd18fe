using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.Servers;

/// <summary>
/// One connection on its way through the pipeline of its endpoint, on its event loop from its start to its disposal. It has the features
/// that Kestrel's dispatcher adds to a connection. It is its own lock, as there is one for each connection.
/// </summary>
internal sealed class DispatchedConnection(TransportConnection connection, ConnectionDelegate pipeline, ConnectionDispatcher dispatcher)
    : IThreadPoolWorkItem, IConnectionCompleteFeature, IConnectionHeartbeatFeature, IConnectionLifetimeNotificationFeature
{
    private CancellationTokenSource? _closeRequested;
    private Stack<(Func<object, Task> Callback, object State)>? _onCompleted;
    private List<(Action<object> Action, object State)>? _heartbeats;
    private bool _isCloseRequested;
    private bool _isCompleted;

    public CancellationToken ConnectionClosedRequested
    {
        get
        {
            lock (this)
            {
                return _isCloseRequested ? new CancellationToken(canceled: true) : (_closeRequested ??= new CancellationTokenSource()).Token;
            }
        }

        set => throw new NotSupportedException("The server itself tells when the connection is to be closed.");
    }

    public void Start()
    {
        connection.Features.Set<IConnectionCompleteFeature>(this);
        connection.Features.Set<IConnectionHeartbeatFeature>(this);
        connection.Features.Set<IConnectionLifetimeNotificationFeature>(this);
        connection.Schedule(this);
    }

    public void RequestClose()
    {
        CancellationTokenSource? closeRequested;
        lock (this)
        {
            _isCloseRequested = true;
            closeRequested = _closeRequested;
        }

        if (closeRequested is not null)
        {
            connection.Cancel(closeRequested);
        }
    }

    public void Abort() => connection.Abort(new ConnectionAbortedException("The connection was aborted, as the server is shutting down."));

    public void OnCompleted(Func<object, Task> callback, object state)
    {
        lock (this)
        {
            ObjectDisposedException.ThrowIf(_isCompleted, connection);
            (_onCompleted ??= []).Push((callback, state));
        }
    }

    public void OnHeartbeat(Action<object> action, object state)
    {
        lock (this)
        {
            if (!_isCompleted)
            {
                (_heartbeats ??= []).Add((action, state));
                dispatcher.StartHeartbeat();
            }
        }
    }

    /// <summary>A second has passed.</summary>
    public void OnHeartbeat()
    {
        (Action<object> Action, object State)[] heartbeats;
        lock (this)
        {
            heartbeats = [.. _heartbeats ?? []];
        }

        foreach ((Action<object> action, object state) in heartbeats)
        {
            try
            {
                action(state);
            }
            catch (Exception exception)
            {
                dispatcher.Logger.HeartbeatFault(exception, connection.ConnectionId);
            }
        }
    }

    void IThreadPoolWorkItem.Execute() => _ = RunAsync();

    private async Task RunAsync()
    {
        using (dispatcher.Logger.BeginConnectionScope(connection))
        {
            try
            {
                await pipeline(connection).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                dispatcher.OnFault(connection, exception);
            }

            await CompleteAsync().ConfigureAwait(false);
        }

        await connection.DisposeAsync().ConfigureAwait(false);
        dispatcher.Remove(this);
    }

    // The last one first, as Kestrel does.
    private async ValueTask CompleteAsync()
    {
        lock (this)
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
                dispatcher.OnFault(connection, exception);
            }
        }
    }
}
