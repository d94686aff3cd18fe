namespace KestrelSocketServer;

/// <summary>Why a connection closes: the first failure prevails over the first orderly end. Told from any thread.</summary>
internal struct CloseCause
{
    // Reasons counted from one, zero while there is none.
    private int _end;
    private int _failure;
    private int _final;

    /// <summary>The reason, once it is settled.</summary>
    public readonly SocketCloseReason? Final => _final == 0 ? null : (SocketCloseReason)(_final - 1);

    /// <summary>Whether the connection failed for that reason.</summary>
    public readonly bool HasFailedBy(SocketCloseReason reason) => _failure == (int)reason + 1;

    public void Add(SocketCloseReason reason)
    {
        ref int place = ref _failure;
        if (reason is SocketCloseReason.PeerEnded or SocketCloseReason.LocalEnd)
        {
            place = ref _end;
        }

        Interlocked.CompareExchange(ref place, (int)reason + 1, 0);
    }

    /// <summary>What comes after this no longer counts.</summary>
    public SocketCloseReason Settle()
    {
        _final = _failure != 0 ? _failure : _end != 0 ? _end : (int)SocketCloseReason.LocalEnd + 1;
        return Final!.Value;
    }
}
