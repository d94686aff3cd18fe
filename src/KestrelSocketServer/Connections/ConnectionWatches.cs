namespace KestrelSocketServer;

/// <summary>The tokens that a connection watches; many watch none.</summary>
internal sealed class ConnectionWatches : IAsyncDisposable
{
    /// <summary>That the server is shutting down, where it is none of ours.</summary>
    public CancellationTokenRegistration Stopping { get; set; }

    /// <summary>That the transport is closed, or has failed.</summary>
    public CancellationTokenRegistration TransportClosed { get; set; }

    /// <summary>That the transport was aborted, while what had arrived before it failed waits to be delivered.</summary>
    public CancellationTokenRegistration TransportAborted { get; set; }

    public async ValueTask DisposeAsync()
    {
        await Stopping.DisposeAsync().ConfigureAwait(false);
        await TransportClosed.DisposeAsync().ConfigureAwait(false);
        await TransportAborted.DisposeAsync().ConfigureAwait(false);
    }
}
