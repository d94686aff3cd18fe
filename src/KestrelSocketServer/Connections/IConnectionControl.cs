namespace KestrelSocketServer;

/// <summary>
/// What our own transport can do and tell beyond what a <see cref="Microsoft.AspNetCore.Connections.ConnectionContext"/> has words
/// for; found among the features of the connection. On other transports the connection makes do without.
/// </summary>
internal interface IConnectionControl : IActivity
{
    /// <summary>Cancelled when the connection has failed, as by a reset, also while nobody reads. What had arrived can still be read.</summary>
    CancellationToken Failed { get; }

    /// <summary>Cancelled when the connection was aborted on this side: nothing can be read any more.</summary>
    CancellationToken Aborted { get; }

    /// <summary>Why it has failed.</summary>
    Exception? Failure { get; }

    /// <summary>Whether the peer's end of the stream was received.</summary>
    bool HasPeerEnded { get; }

    /// <summary>
    /// Drops what is unsent, sends the end of the stream and ends both directions. What the peer still sends is read and dropped
    /// for a while, so that it sees the end rather than a reset.
    /// </summary>
    void Close();

    /// <summary>How many bytes were received and given to nobody.</summary>
    long DiscardedBytes { get; }

    /// <summary>Counts bytes that were received and given to nobody.</summary>
    void AddDiscarded(long bytes);

    /// <summary>
    /// Sends the end of the stream, and lets <paramref name="discard"/> read and drop what the peer still sends, for as long as it is
    /// waited for: for who must look at it above the transport, as TLS does.
    /// </summary>
    /// <param name="discard">Completes when the peer has ended; is cancelled when the time is up.</param>
    Task LingerAsync(Func<CancellationToken, Task> discard);

    /// <summary>Runs something where the connection's work runs: never inside the call.</summary>
    void Schedule(IThreadPoolWorkItem item);
}
