using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Transport;

namespace KestrelSocketServer.Servers;

/// <summary>
/// Accepts the connections of one listening socket. A failing accept is reported and tried again, ever more slowly, up to
/// <see cref="LongestDelay"/> (row L5).
/// </summary>
#pragma warning disable CA1001 // Without a timer and a wait handle, its sources of cancellation hold nothing.
internal sealed class SocketListener(
    EndpointContext context, Socket socket, IAcceptor acceptor, ListenerGate gate, Action<TransportConnection> onAccepted, Action onLastAccepted)
#pragma warning restore CA1001
{
    private static readonly TimeSpan ShortestDelay = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _lock = new();
    private CancellationTokenSource? _accepting;
    private TaskCompletionSource? _resumed;

    public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

    /// <summary>Changes the options of the socket while it listens.</summary>
    public void Configure(SocketListenerOptions options)
    {
        lock (_lock)
        {
            if (!_closed.IsCancellationRequested)
            {
                ListeningSocket.Configure(socket, options);
            }
        }
    }

    public void Pause()
    {
        lock (_lock)
        {
            _resumed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _accepting?.Cancel();
        }
    }

    public void Resume()
    {
        lock (_lock)
        {
            _resumed?.TrySetResult();
            _resumed = null;
        }
    }

    /// <summary>Accepts until the endpoint is closed.</summary>
    /// <remarks>
    /// Never throws: nobody would accept any more. Whatever is called in between is inside the block that catches everything, and what that
    /// block does itself throws nothing.
    /// </remarks>
    public async Task AcceptAllAsync()
    {
        TimeSpan delay = ShortestDelay;
        while (!_closed.IsCancellationRequested)
        {
            try
            {
                await AcceptAsync().ConfigureAwait(false);
                delay = ShortestDelay;
            }
            catch (Exception exception)
            {
                // A cancellation says that it is paused or closed. No connection is lost: what was accepted wins over the token.
                if (exception is not OperationCanceledException && !_closed.IsCancellationRequested)
                {
                    OnAcceptFailed(exception, delay);
                    await WaitAsync(delay).ConfigureAwait(false);
                    delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, LongestDelay.Ticks));
                }
            }
        }

        // Only now: a connection may have been accepted while the listener was closed.
        onLastAccepted();
    }

    /// <summary>Stops listening at once; the port can be bound again.</summary>
    public void Unbind()
    {
        try
        {
            lock (_lock)
            {
                _closed.Cancel();
                Resume();
            }
        }
        finally
        {
            acceptor.Dispose();
            ListeningSocket.Close(socket, context.Address);
        }
    }

    // Nothing of the flow that goes on refers to the connection while the next one is waited for.
    private async ValueTask AcceptAsync()
    {
        CancellationTokenSource accepting;
        while (GetWait(out accepting) is { } wait)
        {
            await wait.WaitAsync(_closed.Token).ConfigureAwait(false);
        }

        onAccepted(await acceptor.AcceptAsync(accepting.Token).ConfigureAwait(false));
    }

    // What is to be waited for before the next accept, if anything: the end of a pause, or room at the gate.
    private Task? GetWait(out CancellationTokenSource accepting)
    {
        lock (_lock)
        {
            if (_accepting is not { IsCancellationRequested: false })
            {
                _accepting?.Dispose();
                _accepting = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token);
            }

            accepting = _accepting;
            return _resumed?.Task ?? gate.GetRoom();
        }
    }

    private void OnAcceptFailed(Exception exception, TimeSpan delay)
    {
        Try(static failed => failed.Self.Log(failed.Exception, failed.Delay), (Self: this, Exception: exception, Delay: delay));

        // Not on the accept flow: a subscriber that takes its time must not hold up accepting. The pool keeps it even where it throws,
        // as it has no thread.
        Try(static failed => ThreadPool.UnsafeQueueUserWorkItem(failed.Self.RaiseUnlessClosed, failed.Exception, preferLocal: false), (Self: this, Exception: exception));
    }

    private void Log(Exception exception, TimeSpan delay) => context.Settings.Logger.AcceptFailed(exception, context.Server.Name, delay);

    private void RaiseUnlessClosed(Exception exception)
    {
        if (!_closed.IsCancellationRequested)
        {
            // On the thread pool, where an exception would end the process: the logger that is told of a subscriber's may throw too.
            Try(static failed => failed.Server.OpenConnections.RaiseError(new SocketServerError(SocketServerErrorStage.Accept, failed.Exception)), (context.Server, Exception: exception));
        }
    }

    // Ends early when the endpoint is closed.
    private async Task WaitAsync(TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, context.Settings.TimeProvider, _closed.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            if (exception is not OperationCanceledException)
            {
                // There is no timer. What is left needs nothing; it holds the event loop, so it is short, and long enough not to spin.
                Thread.Sleep(ShortestDelay);
            }
        }
    }

    private static void Try<TState>(Action<TState> action, TState state)
    {
        try
        {
            action(state);
        }
        catch (Exception)
        {
            // Logs, subscribers and the thread pool are told of failures to accept, and are no reason to stop: there is nobody else to tell.
        }
    }
}
