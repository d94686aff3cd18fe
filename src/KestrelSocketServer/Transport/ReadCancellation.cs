namespace KestrelSocketServer.Transport;

/// <summary>The cancellation of reads by a token. Made for the first such read of a connection and used for all: most have none.</summary>
internal sealed class ReadCancellation(SocketInput input)
{
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;

    /// <summary>Whether the read that waits is to end.</summary>
    public bool IsRequested => _token.IsCancellationRequested;

    /// <summary>A read begins to wait.</summary>
    public void Begin(CancellationToken token)
    {
        _token = token;
        _registration = token.UnsafeRegister(static state => ((ReadCancellation)state!).OnCancelled(), this);
    }

    /// <summary>The read is over. Returns its token.</summary>
    public CancellationToken End()
    {
        _registration.Dispose();
        CancellationToken token = _token;
        _token = default;
        return token;
    }

    private void OnCancelled()
    {
        // A late call for a read that is over already finds another token here, or none.
        if (IsRequested)
        {
            input.Interrupt();
        }
    }
}
