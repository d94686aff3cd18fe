namespace KestrelSocketServer.Connections;

/// <summary>
/// Why a connection closes: the first failure prevails over the first orderly end. Holds the exceptions too, of which the first is the
/// error of the connection. Told from any thread.
/// </summary>
internal struct CloseCause
{
    private int _end;
    private int _failure;
    private int _final;
    private Exception? _fault;
    private Exception? _writeFailure;
    private Exception? _readFailure;

    /// <summary>The reason, once it is settled.</summary>
    public readonly SocketCloseReason? Final => _final == 0 ? null : (SocketCloseReason)_final;

    /// <summary>What the error event tells; null while nothing has failed, or where it counts as no error.</summary>
    public readonly Exception? Fault => Volatile.Read(in _fault);

    /// <summary>Why writing has failed, where what had arrived before is delivered first.</summary>
    public readonly Exception? WriteFailure => Volatile.Read(in _writeFailure);

    /// <summary>Why reading has failed for who reads.</summary>
    public Exception? ReadFailure
    {
        readonly get => Volatile.Read(in _readFailure);
        set => Volatile.Write(ref _readFailure, value);
    }

    /// <summary>Whether the connection failed as its time was up, and not by what the peer does not take.</summary>
    public readonly bool HasFailedByTime => (SocketCloseReason)_failure is SocketCloseReason.Idle or SocketCloseReason.FirstByteTimeout
        or SocketCloseReason.ReadTimeout or SocketCloseReason.HalfClosedTimeout or SocketCloseReason.MaxAge;

    public void Add(SocketCloseReason reason)
    {
        ref int place = ref _failure;
        if (reason is SocketCloseReason.PeerEnded or SocketCloseReason.LocalEnd)
        {
            place = ref _end;
        }

        Interlocked.CompareExchange(ref place, (int)reason, 0);
    }

    public void AddFault(Exception fault) => Interlocked.CompareExchange(ref _fault, fault, null);

    public void AddWriteFailure(Exception failure) => Interlocked.CompareExchange(ref _writeFailure, failure, null);

    /// <summary>What comes after this no longer counts.</summary>
    public SocketCloseReason Settle()
    {
        _final = _failure != 0 ? _failure : _end != 0 ? _end : (int)SocketCloseReason.LocalEnd;
        return Final!.Value;
    }
}
