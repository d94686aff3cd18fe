using System.Globalization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.Connections;

// Why the connection closes.
internal partial class SocketConnection
{
    /// <summary>Whether the handler has returned.</summary>
    internal bool IsHandlerDone => _isHandlerDone;

    /// <summary>Whether the peer is to see an end of the stream, and no reset, although the connection is cut off.</summary>
    internal bool ClosesInOrder => (State.IsClosed && !_resets) || Cause.HasFailedByTime;

    /// <summary>Why the transport has failed, where it tells.</summary>
    internal Exception? TransportFailure => Transport.Failure;

    // What the error event tells.
    private Exception? ReportedError => Violation ?? Cause.Fault;

    private bool IsStopping => _context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested.IsCancellationRequested == true;

    /// <summary>Whether reading is over, by the peer's end or here.</summary>
    internal bool IsReadingOver => State.Read != ReadState.Open || Transport.HasPeerEnded == true;

    /// <summary>Whether one direction is over and the other open.</summary>
    internal bool IsHalfClosed => IsReadingOver != (State.Write != WriteState.Open || _goodbye is not null || Transport.IsOutputCompleted);

    /// <summary>A time-out has passed.</summary>
    internal void OnTimedOut(SocketCloseReason reason, string what, string option, TimeSpan passed, TimeSpan allowed)
    {
        if (_isFinished || State.IsClosed)
        {
            return;
        }

        Cause.Add(reason);
        Cause.AddFault(new TimeoutException(string.Create(
            CultureInfo.InvariantCulture, $"Connection {Id} has {what} for {passed.TotalSeconds:0.0} s; {option} allows {allowed}.")));
        Wake();
    }

    /// <summary>Everything that was written has gone to the transport, and no more will come.</summary>
    internal void OnFlushed()
    {
        State.OnFlushed();
        if (Volatile.Read(ref _registrations)?.Sent is { } sent)
        {
            TellWhetherSent(sent);
        }

        Wake();
    }

    /// <summary>A write would have gone over a limit.</summary>
    internal void OnLimitReached(IOException exception)
    {
        Cause.Add(SocketCloseReason.WriteLimit);
        OnWritingOver(exception, isAfterRest: false);
    }

    /// <summary>All connections together have more to send than the process may hold, and this one holds most. On any thread.</summary>
    internal void OnMemoryBound(long unsent, long allowed)
    {
        if (!_isFinished && !State.IsClosed)
        {
            Cause.Add(SocketCloseReason.Limit);
            Cause.AddFault(new IOException(
                $"Connection {Id} has {unsent} unsent bytes, more than others; {nameof(SocketServerLimits.MaxUnsentBytes)} allows {allowed} for all connections together."));
        }

        // At once, and not when the run loop comes to it: that may take long, and whoever writes goes on.
        Writer.Abort();
        Abort();
        Wake();
    }

    /// <summary>The transport takes no more.</summary>
    internal void OnWriteFailed(Exception exception)
    {
        Cause.Add(ReasonOfWriteFailure(exception));
        OnWritingOver(exception, isAfterRest: TransportFailure is not null);
        WritingFailed?.Invoke();
    }

    /// <summary>Raised on any thread when writing has failed, while what had arrived before may still have to be read.</summary>
    internal event Action? WritingFailed;

    /// <summary>Whether writing has failed, and what had arrived before may still have to be read.</summary>
    internal bool HasWritingFailed => Cause.WriteFailure is not null;

    /// <summary>Who was to write into memory that was handed out has thrown in the middle of it.</summary>
    internal void OnWriteTorn(Exception exception)
    {
        OnHandlerFault(exception);
        State.OnWriteFailed();
        Wake();
    }

    /// <summary>A read has failed.</summary>
    internal void OnReadFailed(Exception exception)
    {
        SocketCloseReason reason = ReasonOfFailure(exception);
        Cause.Add(reason);
        bool harmless = exception is OperationCanceledException or ObjectDisposedException || reason == SocketCloseReason.Shutdown
            || (reason == SocketCloseReason.PeerReset && !Writer.HasUnsent);
        if (!State.IsClosed && !harmless)
        {
            Cause.AddFault(Cause.WriteFailure ?? exception);
        }
    }

    /// <summary>Some of what the peer sent is given to nobody, as the connection was ended here.</summary>
    internal void OnDropped(long bytes)
    {
        if (bytes > 0)
        {
            Transport.AddDiscarded(bytes);
        }
    }

    /// <summary>The closed event is next: its reason is settled.</summary>
    internal void OnClosed()
    {
        _timeouts?.Stop();
        Writer.LeaveAccount();
        Settings.Endpoint?.Remove(this);
        SocketCloseReason reason = Cause.Settle();
        string? errorType = ReportedError is { } fault ? fault.GetType().FullName
            : reason == SocketCloseReason.PeerReset ? typeof(ConnectionResetException).FullName
            : null;
        Settings.OnClosed(_context, _measurement, reason, errorType);
    }

    internal ValueTask UnregisterAsync() => _registrations?.DisposeAsync() ?? ValueTask.CompletedTask;

    // It may still hold the pipe.
    internal virtual Task WaitForReaderAsync() => ReadsItself ? Task.CompletedTask : _handling ?? Task.CompletedTask;

    internal void Abort() => _context.Abort(new ConnectionAbortedException("The connection was closed by the application."));

    internal SocketCloseReason ReasonOfFailure(Exception exception) => (TransportFailure ?? exception) switch
    {
        ConnectionResetException => SocketCloseReason.PeerReset,
        ConnectionAbortedException => SocketCloseReason.Shutdown,

        // TLS wraps what its transport tells.
        IOException { InnerException: ConnectionResetException } => SocketCloseReason.PeerReset,
        IOException { InnerException: ConnectionAbortedException } => SocketCloseReason.Shutdown,
        _ => SocketCloseReason.TransportFault,
    };

    /// <summary>Only the transport can still tell how the connection ended.</summary>
    internal void AddEndOfTransport()
    {
        if (TransportFailure is { } failure)
        {
            Cause.Add(ReasonOfFailure(failure));
        }
        else if (Transport.HasPeerEnded ?? Transport.Failed.IsCancellationRequested)
        {
            Cause.Add(SocketCloseReason.PeerEnded);
        }
    }

    /// <summary>The handler of a message has thrown, or has been cancelled, after it had returned.</summary>
    private protected void OnMessageFault(Task handling)
    {
        Exception exception = handling.Exception?.InnerException ?? new TaskCanceledException(handling);
        bool isConsequence = _isFinished || State.IsClosed || (exception is OperationCanceledException && ClosedSource?.IsCancellationRequested == true);
        if (!isConsequence)
        {
            OnHandlerFault(exception);
        }
    }

    // Where the connection has failed, what had arrived before is still to be read.
    private void OnWritingOver(Exception exception, bool isAfterRest)
    {
        if (!State.IsClosed)
        {
            if (isAfterRest)
            {
                Cause.AddWriteFailure(exception);
            }
            else
            {
                Cause.AddFault(exception);
            }
        }

        State.OnWriteFailed();
        Wake();
    }

    private void OnOpened()
    {
        if (Settings.Endpoint is { } endpoint)
        {
            endpoint.Add(this);
        }
        else if (_context.Features.Get<IConnectionLifetimeNotificationFeature>() is { } lifetime)
        {
            Registrations.OnStopping = lifetime.ConnectionClosedRequested.UnsafeRegister(static state => ((SocketConnection)state!).OnStopping(), this);
        }

        _measurement = Settings.OnOpened(_context);
        _timeouts?.Start(_context);
    }

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

    private void TellWhetherSent(TaskCompletionSource sent)
    {
        if (State.Write == WriteState.Flushed)
        {
            sent.TrySetResult();
        }
        else if (_isFinished && sent.TrySetException(
            new IOException($"Connection {Id} was closed before all that was written to it was sent: {CloseReason}.", ReportedError)))
        {
            // Whoever does not wait need not hear of it.
            _ = sent.Task.Exception;
        }
    }
}
