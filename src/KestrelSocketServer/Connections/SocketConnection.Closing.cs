using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer;

// Why the connection closes.
internal sealed partial class SocketConnection
{
    private CloseCause _cause;
    private ConnectionMeasurement _measurement;
    private long _discarded;

    public SocketCloseReason? CloseReason => _cause.Final;

    public long DiscardedBytes => _control?.DiscardedBytes ?? Volatile.Read(ref _discarded);

    /// <summary>Nothing was received nor sent for longer than allowed.</summary>
    internal void OnIdle(TimeSpan idle)
    {
        if (_finished || _closeCalled)
        {
            return;
        }

        _cause.Add(SocketCloseReason.Idle);
        _ = Interlocked.CompareExchange(ref _fault, new TimeoutException(
            $"Connection {Id} has received and sent nothing for {idle.TotalSeconds:0.0} s; {nameof(SocketConnectionOptions.IdleTimeout)} allows {_settings.Options.IdleTimeout}."), null);
        Wake();
    }

    /// <summary>A write would have gone over a limit.</summary>
    internal void OnLimitReached(IOException exception)
    {
        _cause.Add(SocketCloseReason.Limit);
        OnWriteFailed(exception);
    }

    /// <summary>The server is shutting down.</summary>
    internal void OnStopping() => Signal(StoppingSignal);

    // Some of what the peer sent is given to nobody, as the connection was ended here.
    private void OnDropped(long bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        if (_control is not null)
        {
            _control.AddDiscarded(bytes);
        }
        else
        {
            Interlocked.Add(ref _discarded, bytes);
        }
    }

    private void OnOpened()
    {
        if (_settings.Server is { } server)
        {
            server.Add(this);
        }
        else if (_context.Features.Get<IConnectionLifetimeNotificationFeature>() is { } lifetime)
        {
            Watches.Stopping = lifetime.ConnectionClosedRequested.UnsafeRegister(static state => ((SocketConnection)state!).OnStopping(), this);
        }

        _measurement = _settings.OnOpened(_context);
        _idle?.Start(this);
    }

    private void OnClosed()
    {
        _idle?.Stop();
        _settings.Server?.Remove(this);
        SocketCloseReason reason = _cause.Settle();
        string? errorType = _fault is not null ? _fault.GetType().FullName
            : reason == SocketCloseReason.PeerReset ? typeof(ConnectionResetException).FullName
            : null;
        _settings.OnClosed(_context, _measurement, reason, errorType);
    }

    private bool IsStopping => _context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested.IsCancellationRequested == true;

    private SocketCloseReason ReasonOfFailure(Exception exception) => (TransportFailure ?? exception) switch
    {
        ConnectionResetException => SocketCloseReason.PeerReset,
        ConnectionAbortedException => SocketCloseReason.Shutdown,

        // TLS wraps what its transport tells.
        IOException { InnerException: ConnectionResetException } => SocketCloseReason.PeerReset,
        IOException { InnerException: ConnectionAbortedException } => SocketCloseReason.Shutdown,
        _ => SocketCloseReason.TransportFault,
    };

    private SocketCloseReason ReasonOfWriteFailure(Exception exception)
    {
        if (TransportFailure is null && exception is IOException { InnerException: null })
        {
            // A transport that only tells that nobody takes what is written: the peer does not, unless the server is stopping.
            return IsStopping ? SocketCloseReason.Shutdown : SocketCloseReason.PeerReset;
        }

        return ReasonOfFailure(exception);
    }

    private bool IsFailureOfTransport(Exception exception) => exception is ConnectionResetException or ConnectionAbortedException
        || (exception is IOException && (TransportFailure is not null || exception.InnerException is ConnectionResetException or ConnectionAbortedException));

    // Whoever took the pipe has seen for itself how the connection ended; now that it is done with the pipe, others may look.
    private async ValueTask LookAtPipeAsync()
    {
        try
        {
            if (_control is not null && Tls is null)
            {
                AddEndOfTransport();
            }
            else
            {
                ValueTask<ReadResult> reading = _input.ReadAsync();
                if (!reading.IsCompleted)
                {
                    // What was seen counts, and not what may still come.
                    _input.CancelPendingRead();
                }

                ReadResult result = await reading.ConfigureAwait(false);
                OnDropped(result.Buffer.Length);
                _input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    _cause.Add(SocketCloseReason.PeerEnded);
                }
            }
        }
        catch (InvalidOperationException)
        {
            // It has completed the input, or left it in the middle of a read: only the transport can still tell how it ended.
            AddEndOfTransport();
        }
        catch (Exception exception)
        {
            _cause.Add(ReasonOfFailure(exception));
        }

        _cause.Add(SocketCloseReason.LocalEnd);
    }

    private void AddEndOfTransport()
    {
        if (TransportFailure is { } failure)
        {
            _cause.Add(ReasonOfFailure(failure));
        }
        else if (_control?.HasPeerEnded ?? _context.ConnectionClosed.IsCancellationRequested)
        {
            _cause.Add(SocketCloseReason.PeerEnded);
        }
    }
}
