namespace KestrelSocketServer.Connections;

/// <summary>The reading direction of a connection.</summary>
internal enum ReadState
{
    /// <summary>The peer may send, and what it sends is delivered.</summary>
    Open,

    /// <summary>The peer has finished sending, and all of it was delivered.</summary>
    PeerEnded,

    /// <summary>Ended or closed here: what the peer still sends is dropped.</summary>
    Stopped,

    /// <summary>Ended or closed here, and the peer has finished sending.</summary>
    Over,
}

/// <summary>The writing direction of a connection.</summary>
internal enum WriteState
{
    /// <summary>Writes are taken.</summary>
    Open,

    /// <summary>No more is taken; what was written is on its way.</summary>
    Ending,

    /// <summary>All that was written has gone to the transport.</summary>
    Flushed,

    /// <summary>A write has failed or gone over a limit.</summary>
    Failed,

    /// <summary>Closed here: what is unsent is dropped.</summary>
    Aborted,
}

/// <summary>Where the two directions of a connection are. Every change is one step from any thread, and none goes back.</summary>
internal struct ConnectionState
{
    private int _read;
    private int _write;

    public readonly ReadState Read => (ReadState)Volatile.Read(in _read);

    public readonly WriteState Write => (WriteState)Volatile.Read(in _write);

    /// <summary>Whether the peer has finished sending.</summary>
    public readonly bool HasPeerEnded => Read is ReadState.PeerEnded or ReadState.Over;

    /// <summary>Whether this side has ended or closed the reading direction.</summary>
    public readonly bool IsReadingStopped => Read >= ReadState.Stopped;

    /// <summary>Whether this side has closed the connection.</summary>
    public readonly bool IsClosed => Write == WriteState.Aborted;

    /// <returns>Whether this call has stopped it.</returns>
    public bool StopReading() => TryRead(ReadState.Open, ReadState.Stopped) || TryRead(ReadState.PeerEnded, ReadState.Over);

    public void OnPeerEnded() => _ = TryRead(ReadState.Open, ReadState.PeerEnded) || TryRead(ReadState.Stopped, ReadState.Over);

    /// <returns>Whether this call has ended it.</returns>
    public bool EndWriting() => TryWrite(WriteState.Open, WriteState.Ending);

    public void OnFlushed() => _ = TryWrite(WriteState.Ending, WriteState.Flushed) || TryWrite(WriteState.Open, WriteState.Flushed);

    public void OnWriteFailed() => _ = TryWrite(WriteState.Open, WriteState.Failed) || TryWrite(WriteState.Ending, WriteState.Failed);

    /// <summary>Both directions at once.</summary>
    /// <returns>Whether this call has closed it.</returns>
    public bool Close()
    {
        bool closes = Interlocked.Exchange(ref _write, (int)WriteState.Aborted) != (int)WriteState.Aborted;
        StopReading();
        return closes;
    }

    private bool TryRead(ReadState from, ReadState to) => Interlocked.CompareExchange(ref _read, (int)to, (int)from) == (int)from;

    private bool TryWrite(WriteState from, WriteState to) => Interlocked.CompareExchange(ref _write, (int)to, (int)from) == (int)from;
}
