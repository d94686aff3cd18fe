using System.Net.Sockets;
using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Transport;

/// <summary>
/// What the transport of a connection can do and tell beyond what a <see cref="Microsoft.AspNetCore.Connections.ConnectionContext"/> has
/// words for. Ours is found among the features of the connection; any other is adapted by <see cref="ForeignTransport"/>.
/// </summary>
internal interface IConnectionControl
{
    /// <summary>What has happened since the last call, and what waits.</summary>
    Activity TakeActivity();

    /// <summary>Whether it tells of all that is sent, and not only when all of it is.</summary>
    bool TellsWhatIsSent { get; }

    /// <summary>Whether the system has received something that nobody has read yet; false where it does not tell.</summary>
    bool HasUnread { get; }

    /// <summary>How many bytes the system has taken that the peer has not acknowledged; zero where it does not tell.</summary>
    int CountUnacknowledged();

    /// <summary>Whether the writer of the transport was completed, by whoever took it.</summary>
    bool IsOutputCompleted { get; }

    /// <summary>Cancelled when the connection has failed, as by a reset, also while nobody reads.</summary>
    CancellationToken Failed { get; }

    /// <summary>Cancelled when the connection was aborted on this side: nothing can be read any more.</summary>
    CancellationToken Aborted { get; }

    /// <summary>Why it has failed; null also where only reading and writing tell.</summary>
    Exception? Failure { get; }

    /// <summary>Whether what had arrived before a failure can still be read, and comes first.</summary>
    bool KeepsRest { get; }

    /// <summary>Whether the peer's end of the stream was received; null where only reading tells.</summary>
    bool? HasPeerEnded { get; }

    /// <summary>The socket that alone knows whether the peer still takes what is written; null where flushing tells.</summary>
    Socket? PeerSocket { get; }

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
    /// Sends the end of the stream, and where the transport does not do so by itself lets <paramref name="discard"/> read and drop what the
    /// peer still sends, for as long as it is waited for. Ours needs that over TLS only, which must be told of what the peer sends.
    /// </summary>
    /// <param name="discard">Completes when the peer has ended; is cancelled when the time is up.</param>
    Task LingerAsync(Func<CancellationToken, Task> discard);

    /// <summary>The connection needs it no longer.</summary>
    void Release();

    /// <summary>Runs something where the connection's work runs: never inside the call.</summary>
    void Schedule(IThreadPoolWorkItem item);
}
