using KestrelSocketServer.Diagnostics;

namespace KestrelSocketServer.Connections;

// Who is told.
internal partial class SocketConnection
{
    private const int DrainedSignal = 1;
    private const int StoppingSignal = 2;
    private const int ViolationSignal = 4;
    private const int OwnSignal = 8;

    public event Action<ReadOnlySpan<byte>>? Data
    {
        add
        {
            Claim(ReadStyle.Events);
            _events.Add(ref _events.Data, value);
            Wake();
        }
        remove => ConnectionEvents.Remove(ref _events.Data, value);
    }

    public event Action? Ended
    {
        add => _events.Add(ref _events.Ended, value);
        remove => ConnectionEvents.Remove(ref _events.Ended, value);
    }

    public event Action<Exception>? Error
    {
        add => _events.Add(ref _events.Error, value);
        remove => ConnectionEvents.Remove(ref _events.Error, value);
    }

    public event Action? Closed
    {
        add => _events.AddClosed(value);
        remove => _events.RemoveClosed(value);
    }

    public event Action? Drained
    {
        add => _events.Add(ref _events.Drained, value);
        remove => ConnectionEvents.Remove(ref _events.Drained, value);
    }

    public event Action? Stopping
    {
        add => _events.Add(ref _events.Stopping, value);
        remove => ConnectionEvents.Remove(ref _events.Stopping, value);
    }

    /// <summary>The unsent data is below the soft limit again.</summary>
    internal void OnDrained() => Signal(DrainedSignal);

    /// <summary>The server is shutting down.</summary>
    internal void OnStopping() => Signal(StoppingSignal);

    /// <summary>Makes the run loop call <see cref="OnSignal"/>.</summary>
    private protected void SignalSelf() => Signal(OwnSignal);

    /// <summary>What has happened outside the run loop.</summary>
    private protected virtual void OnSignal()
    {
    }

    private void Signal(int signal)
    {
        Interlocked.Or(ref _signals, signal);
        Wake();
    }

    private Task RaiseConnection(Func<ISocketConnection, Task> handler)
    {
        EnterEvent();
        try
        {
            Settings.Endpoint?.RaiseConnection(this);
            return handler(this);
        }
        catch (Exception exception)
        {
            OnHandlerFault(exception);
            return Task.CompletedTask;
        }
        finally
        {
            ExitEvent();
        }
    }

    private void RaiseSignals()
    {
        if (Volatile.Read(ref _signals) == 0)
        {
            return;
        }

        int signals = Interlocked.Exchange(ref _signals, 0);
        if ((signals & DrainedSignal) != 0 && IsWritable)
        {
            Raise(_events.Drained);
        }

        if ((signals & StoppingSignal) != 0 && !IsOver)
        {
            // Once, however often it is told.
            Raise(Interlocked.Exchange(ref _events.Stopping, null));
        }

        if ((signals & ViolationSignal) != 0)
        {
            RaiseViolation();
        }

        if ((signals & OwnSignal) != 0)
        {
            OnSignal();
        }

        if (Volatile.Read(ref _signals) != 0)
        {
            // Signalled inside one of the events above; reading has its turn before the next.
            Wake();
        }
    }

    private void Raise(Action? subscribers)
    {
        if (subscribers is null)
        {
            return;
        }

        EnterEvent();
        try
        {
            subscribers();
        }
        catch (Exception exception)
        {
            OnHandlerFault(exception);
        }
        finally
        {
            ExitEvent();
        }
    }

    /// <summary>The last two events: an exception in them is logged, there is nobody left to tell.</summary>
    internal void RaiseClosed()
    {
        RaiseError();

        // In this order, with a full fence between the two: who asks for the token from now on finds that the connection is over.
        _isFinished = true;
        Action? closed = _events.TakeClosed();
        try
        {
            closed?.Invoke();
        }
        catch (Exception exception)
        {
            Settings.Logger.HandlerFault(exception, Id);
        }

        _events.Release();
        CancelClosed();
        if (_registrations?.Sent is { } sent)
        {
            TellWhetherSent(sent);
        }
    }

    private void CancelClosed()
    {
        try
        {
            ClosedSource?.Cancel();
        }
        catch (Exception exception)
        {
            Settings.Logger.HandlerFault(exception, Id);
        }
    }

    private void OnHandlerFault(Exception exception)
    {
        if (exception is MessageProtocolException violation)
        {
            OnViolation(SocketCloseReason.ProtocolViolation, violation);
            return;
        }

        Settings.Logger.HandlerFault(exception, Id);
        Cause.Add(SocketCloseReason.HandlerFault);
        Cause.AddFault(exception);
        Settings.Endpoint?.RaiseError(new SocketServerError(SocketServerErrorStage.Handler, exception, Id, RemoteEndPoint));
    }

    private void EnterEvent() => _eventThread = Environment.CurrentManagedThreadId;

    private void ExitEvent()
    {
        _eventThread = 0;
        Writer.Uncork();
    }
}
