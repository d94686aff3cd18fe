namespace KestrelSocketServer;

internal sealed partial class SocketConnection
{
    public event Action<ReadOnlySpan<byte>>? Data
    {
        add
        {
            lock (_writer)
            {
                ThrowIfReadInAnotherStyle(ReadStyle.Events);
                _data += Live(value);
            }

            if (_held)
            {
                _held = false;
                Wake();
            }
        }
        remove
        {
            lock (_writer)
            {
                _data -= value;
            }
        }
    }

    public event Action? Ended
    {
        add { lock (_writer) { _endedEvent += Live(value); } }
        remove { lock (_writer) { _endedEvent -= value; } }
    }

    public event Action<Exception>? Error
    {
        add { lock (_writer) { _error += Live(value); } }
        remove { lock (_writer) { _error -= value; } }
    }

    public event Action? Closed
    {
        add { lock (_writer) { _closedEvent += Live(value); } }
        remove { lock (_writer) { _closedEvent -= value; } }
    }

    public event Action? Drained
    {
        add { lock (_writer) { _drainedEvent += Live(value); } }
        remove { lock (_writer) { _drainedEvent -= value; } }
    }

    public event Action? Stopping
    {
        add { lock (_writer) { _stoppingEvent += Live(value); } }
        remove { lock (_writer) { _stoppingEvent -= value; } }
    }

    // A subscriber that comes after the last event would only keep its closure alive.
    private T? Live<T>(T? subscriber) where T : Delegate => _finished ? null : subscriber;

    private Task RaiseConnection(Func<ISocketConnection, Task> handler)
    {
        EnterEvent();
        try
        {
            _settings.Server?.RaiseConnection(this);
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
            Raise(_drainedEvent);
        }

        if ((signals & StoppingSignal) != 0 && !IsOver)
        {
            // Once, however often it is told.
            Raise(Interlocked.Exchange(ref _stoppingEvent, null));
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

    // The last two events: an exception in them is logged, there is nobody left to tell.
    private void RaiseClosed()
    {
        try
        {
            if (_fault is not null)
            {
                _error?.Invoke(_fault);
            }
        }
        catch (Exception exception)
        {
            _settings.Logger.HandlerFault(exception, Id);
        }

        Action? closed;
        lock (_writer)
        {
            // Who subscribes from now on finds a reason for the close, who was in time is told.
            _finished = true;
            closed = _closedEvent;
        }

        try
        {
            closed?.Invoke();
        }
        catch (Exception exception)
        {
            _settings.Logger.HandlerFault(exception, Id);
        }

        ReleaseSubscriptions();
    }

    private void OnHandlerFault(Exception exception)
    {
        _settings.Logger.HandlerFault(exception, Id);
        _cause.Add(SocketCloseReason.HandlerFault);
        _ = Interlocked.CompareExchange(ref _fault, exception, null);
        _settings.Server?.RaiseError(new SocketServerError(SocketServerErrorStage.Handler, exception, Id, RemoteEndPoint));
    }

    private void ReleaseSubscriptions()
    {
        lock (_writer)
        {
            _data = null;
            _endedEvent = null;
            _error = null;
            _closedEvent = null;
            _drainedEvent = null;
            _stoppingEvent = null;
        }
    }

    private void EnterEvent() => _eventThread = Environment.CurrentManagedThreadId;

    private void ExitEvent()
    {
        _eventThread = 0;
        _writer.Uncork();
    }
}
