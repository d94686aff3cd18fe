namespace KestrelSocketServer.Connections;

// What is unsent, in the account of all connections: entered in steps, so that the usual write, which is sent at once, costs a comparison.
internal sealed partial class ConnectionWriter
{
    // While nothing waits, as in an event whose writes are sent together.
    private const int Step = 64 * 1024;

    // While the system does not take what is written.
    private const int WaitingStep = 4 * 1024;

    /// <summary>How much is entered.</summary>
    public long Entered => Volatile.Read(ref _entered);

    private UnsentAccount? Account => _connection.Settings.Unsent;

    /// <summary>The connection is over.</summary>
    public void LeaveAccount()
    {
        lock (this)
        {
            _aborted = true;
            LeaveAll();
            if (_isHolder)
            {
                Account!.Unregister(_connection);
            }
        }
    }

    /// <summary>The handler has written to the pipe by itself.</summary>
    public void OnTakenWritten(int bytes)
    {
        _unsent += bytes;
        if (_unsent - _entered >= Step)
        {
            OnTakenWaiting(0);
        }
    }

    /// <summary>What the handler has written does not go to the system at once.</summary>
    public void OnTakenWaiting(int bytes)
    {
        bool isOver;
        lock (this)
        {
            _unsent += bytes;
            isOver = !_aborted && _unsent > _entered && Enter(_unsent - _entered);
        }

        if (isOver)
        {
            Account!.Relieve();
        }
    }

    /// <summary>What the handler has written has gone to the system.</summary>
    public void OnTakenSent()
    {
        Volatile.Write(ref _unsent, 0);
        if (_entered > 0)
        {
            lock (this)
            {
                LeaveAll();
            }
        }
    }

    // The lock is held, and the caller does not flush: a flush is under way, or comes later. Returns whether there is more than the
    // account allows.
    private bool Enter()
    {
        long step = _unsent - _entered;
        return step >= (_flushing ? WaitingStep : Step) && Enter(step);
    }

    private bool Enter(long step)
    {
        if (Account is not { } account)
        {
            return false;
        }

        if (!_isHolder)
        {
            _isHolder = true;
            account.Register(_connection);
        }

        _entered += step;
        return account.Add(step);
    }

    // A flush waits, with what was written before it.
    private void EnterWaiting()
    {
        bool isOver;
        lock (this)
        {
            long step = _unsent - _entered;
            isOver = step >= WaitingStep && !_aborted && Enter(step);
        }

        if (isOver)
        {
            Account!.Relieve();
        }
    }

    // The lock is held.
    private void Leave()
    {
        long step = _entered - _unsent;
        if (step >= WaitingStep || (step > 0 && _unsent == 0))
        {
            Leave(step);
        }
    }

    // The lock is held.
    private void LeaveAll()
    {
        if (_entered > 0)
        {
            Leave(_entered);
        }
    }

    private void Leave(long step)
    {
        _entered -= step;
        Account?.Add(-step);
    }
}
