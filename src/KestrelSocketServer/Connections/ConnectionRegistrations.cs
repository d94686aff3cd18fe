namespace KestrelSocketServer.Connections;

/// <summary>What only some connections have: the tokens that they watch, and what others wait for.</summary>
internal sealed class ConnectionRegistrations : IAsyncDisposable
{
    /// <summary>Cancelled when the connection is closed; null while nobody has asked.</summary>
    public CancellationTokenSource? Closed;

    /// <summary>Whether all is sent; null while nobody waits for it.</summary>
    public TaskCompletionSource? Sent;

    /// <summary>How the peer broke the protocol of its messages; null while it has not.</summary>
    public MessageProtocolException? Violation;

    /// <summary>That the server is shutting down, where it is none of ours.</summary>
    public CancellationTokenRegistration OnStopping { get; set; }

    /// <summary>That the transport has failed.</summary>
    public CancellationTokenRegistration OnFailed { get; set; }

    /// <summary>Whether it has.</summary>
    public CancellationToken Failed { get; set; }

    /// <summary>That the transport was aborted, while what had arrived before it failed waits to be delivered.</summary>
    public CancellationTokenRegistration OnAborted { get; set; }

    public async ValueTask DisposeAsync()
    {
        await OnStopping.DisposeAsync().ConfigureAwait(false);
        await OnFailed.DisposeAsync().ConfigureAwait(false);
        await OnAborted.DisposeAsync().ConfigureAwait(false);
    }
}
