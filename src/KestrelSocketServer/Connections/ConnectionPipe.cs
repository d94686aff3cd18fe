namespace KestrelSocketServer.Connections;

/// <summary>
/// Sends the data of one connection to another, at the pace of the destination. It is over when either of them ends or closes, and
/// then leaves no subscription behind on either side.
/// </summary>
/// <remarks>
/// It holds its source back apart from what the application pauses, so that neither undoes the other, and a source with several pipes
/// flows at the pace of the slowest. It is its own lock.
/// </remarks>
internal sealed class ConnectionPipe
{
    private readonly ISocketConnection _source;
    private readonly ISocketConnection _destination;
    private readonly bool _end;

    // Made once, as each is given away and taken back.
    private readonly Action<ReadOnlySpan<byte>> _forward;
    private readonly Action _onDrained;
    private readonly Action _onSourceOver;
    private readonly Action _onDestinationOver;
    private int _drains;
    private bool _holds;
    private bool _isOver;

    public ConnectionPipe(ISocketConnection source, ISocketConnection destination, bool end)
    {
        _source = source;
        _destination = destination;
        _end = end;
        _forward = Forward;
        _onDrained = OnDrained;
        _onSourceOver = OnSourceOver;
        _onDestinationOver = OnDestinationOver;
    }

    public void Start()
    {
        var ownDestination = _destination as SocketConnection;
        try
        {
            _destination.Drained += _onDrained;
            _destination.Closed += _onDestinationOver;
            if (ownDestination is not null)
            {
                ownDestination.WritingFailed += _onDestinationOver;
            }

            _source.Ended += _onSourceOver;
            _source.Closed += _onSourceOver;

            // The last one, as data may come at once from another thread. Throws where the source is read in another style.
            _source.Data += _forward;
        }
        catch
        {
            Detach();
            Unsubscribe();
            throw;
        }

        if (Volatile.Read(ref _isOver))
        {
            // By the first of the subscriptions, or on another thread meanwhile: the others came too late to be taken back.
            Unsubscribe();
            return;
        }

        // What else has happened before is not told again.
        if (_destination.CloseReason is not null || ownDestination is { HasWritingFailed: true })
        {
            OnDestinationOver();
        }
        else if (!_source.IsReadable)
        {
            OnSourceOver();
        }
        else if (!_destination.IsWritable)
        {
            // It takes nothing any more, and is closed soon.
            Hold();
        }
    }

    private void Forward(ReadOnlySpan<byte> chunk)
    {
        int before = Volatile.Read(ref _drains);
        if (_destination.Write(chunk))
        {
            return;
        }

        Hold();

        // Store-load fence, pairs with the increment in OnDrained: either the hold is seen there, or the drain is seen here.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _drains) != before)
        {
            // It has drained between the two calls, on a thread of its own, and will not say so again.
            Release();
        }
    }

    private void OnDrained()
    {
        Interlocked.Increment(ref _drains);
        Release();
    }

    // Also where it has failed or was closed here, which raises no end: the destination must not wait for ever.
    private void OnSourceOver()
    {
        if (Detach() && _end)
        {
            _destination.End();
        }
    }

    // Also where it cannot send any more, and is not closed yet as it has something to read: it may wait for this very pipe.
    private void OnDestinationOver()
    {
        // A connection that is its own destination closes by itself, when it has read what had arrived.
        if (Detach() && _end && !ReferenceEquals(_source, _destination))
        {
            // Not closed at once: what is on its way to its peer, from another pipe for example, still arrives.
            _source.End();
        }
    }

    /// <returns>Whether it was not over yet.</returns>
    private bool Detach()
    {
        lock (this)
        {
            if (_isOver)
            {
                return false;
            }

            _isOver = true;
        }

        Unsubscribe();
        Release();
        return true;
    }

    private void Unsubscribe()
    {
        _source.Data -= _forward;
        _source.Ended -= _onSourceOver;
        _source.Closed -= _onSourceOver;
        _destination.Drained -= _onDrained;
        _destination.Closed -= _onDestinationOver;
        if (_destination is SocketConnection ownDestination)
        {
            ownDestination.WritingFailed -= _onDestinationOver;
        }
    }

    private void Hold()
    {
        lock (this)
        {
            if (_holds || _isOver)
            {
                return;
            }

            _holds = true;
            if (_source is SocketConnection own)
            {
                own.Hold();
            }
            else
            {
                _source.Pause();
            }
        }
    }

    private void Release()
    {
        lock (this)
        {
            if (!_holds)
            {
                return;
            }

            _holds = false;
            if (_source is SocketConnection own)
            {
                own.Release();
            }
            else
            {
                _source.Resume();
            }
        }
    }
}
