namespace KestrelSocketServer;

/// <summary>The options of the connections of an endpoint.</summary>
public sealed partial class SocketConnectionOptions
{
    /// <summary>
    /// The unsent bytes of a connection from which on <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/> returns false (row C10).
    /// </summary>
    /// <remarks>Defaults to 65,536 (64 KiB).</remarks>
    public long WriteBufferSoftLimit { get; set; } = 64 * 1024;

    /// <summary>
    /// The unsent bytes that a connection may have at most: a write that would go over it closes the connection with an
    /// error rather than exhaust memory (row C12).
    /// </summary>
    /// <remarks>
    /// Defaults to null: unlimited. Set it wherever <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/> is called without regard to what
    /// it returns, as in a broadcast: a peer that does not read would otherwise cost memory without bound.
    /// </remarks>
    public long? WriteBufferHardLimit { get; set; }

    /// <summary>
    /// Whether a connection stays writable when the peer has finished sending: the application then ends it itself (row C4).
    /// </summary>
    /// <remarks>Defaults to false: after <see cref="ISocketConnection.Ended"/> the connection flushes and closes.</remarks>
    public bool AllowHalfOpen { get; set; }

    /// <exception cref="InvalidOperationException">A limit or a time-out is not positive, or the hard one is below the soft one.</exception>
    internal void Validate(string? endpointName)
    {
        string subject = endpointName is null ? "" : $"Endpoint '{endpointName}': ";
        if (WriteBufferSoftLimit <= 0)
        {
            throw new InvalidOperationException(
                $"{subject}{nameof(WriteBufferSoftLimit)} is {WriteBufferSoftLimit}; it must be at least 1.");
        }

        if (WriteBufferHardLimit < WriteBufferSoftLimit)
        {
            throw new InvalidOperationException(
                $"{subject}{nameof(WriteBufferHardLimit)} is {WriteBufferHardLimit}; it must be at least {nameof(WriteBufferSoftLimit)}, which is {WriteBufferSoftLimit}.");
        }

        ValidateGate(subject);
        ValidateTimeouts(subject);
        ValidateMessages(subject);
    }
}
