namespace KestrelSocketServer;

/// <summary>
/// Sends the data of one connection to another, at the pace of the destination. It is over when either of them ends or closes, and
/// then leaves no subscription behind on either side.
/// </summary>
/// <remarks>
/// It holds its source back apart from what the application pauses, so that neither undoes the other, and a source with several pipes
/// flows at the pace of the slowest. It is its own lock.
/// </remarks>
internal sealed class ConnectionPipe(ISocketConnection source, ISocketConnection destination, bool end)
{
    private int _drains;
    private bool _holds;
    private bool _isOver;

    public void Start()
    {
        var ownDestination = destination as SocketConnection;
        try
        {
            destination.Drained += OnDrained;
            destination.Closed += OnDestinationClosed;
            if (ownDestination is not null)
            {
                ownDestination.WritingFailed += OnDestinationClosed;
            }

            source.Ended += OnSourceOver;
            source.Closed += OnSourceOver;

            // The last one, as data may come at once from another thread. Throws where the source is read in another style.
            source.Data += Forward;
        }
        catch
        {
            Detach();
            throw;
        }

        // What has happened before is not told again.
        if (destination.CloseReason is not null || ownDestination is { HasWritingFailed: true })
        {
            OnDestinationClosed();
        }
        else if (!source.IsReadable)
        {
            OnSourceOver();
        }
        else if (!destination.IsWritable)
        {
            // It takes nothing any more, and is closed soon.
            Hold();
        }
    }

    private void Forward(ReadOnlySpan<byte> chunk)
    {
        int before = Volatile.Read(ref _drains);
        if (destination.Write(chunk))
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
        if (Detach() && end)
        {
            destination.End();
        }
    }

    // Also where it cannot send any more, and is not closed yet as it has something to read: it may wait for this very pipe.
    private void OnDestinationClosed()
    {
        // A connection that is its own destination closes by itself, when it has read what had arrived.
        if (Detach() && end && !ReferenceEquals(source, destination))
        {
            // Not closed at once: what is on its way to its peer, from another pipe for example, still arrives.
            source.End();
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

        source.Data -= Forward;
        source.Ended -= OnSourceOver;
        source.Closed -= OnSourceOver;
        destination.Drained -= OnDrained;
        destination.Closed -= OnDestinationClosed;
        if (destination is SocketConnection ownDestination)
        {
            ownDestination.WritingFailed -= OnDestinationClosed;
        }

        Release();
        return true;
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
            if (source is SocketConnection own)
            {
                own.Hold();
            }
            else
            {
                source.Pause();
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
            if (source is SocketConnection own)
            {
                own.Release();
            }
            else
            {
                source.Resume();
            }
        }
    }
}
