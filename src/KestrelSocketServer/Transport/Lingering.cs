namespace KestrelSocketServer.Transport;

/// <summary>
/// Drops what a peer still sends after the end of the stream was sent to it. Unread input would turn the close into a reset, which may
/// destroy what is on its way to the peer.
/// </summary>
internal static class Lingering
{
    // How long a connection that has ended waits for the end of its peer.
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(1);

    // How long it waits while the peer has not acknowledged everything.
    private static readonly TimeSpan LongestTime = TimeSpan.FromSeconds(30);

    /// <param name="discard">Completes when the peer has ended; is cancelled when the time is up.</param>
    /// <param name="stop">Cancelled here at the end, or by whoever finds that the connection is over.</param>
    /// <param name="timeProvider">The time.</param>
    /// <param name="socket">The socket, where it tells what the peer has acknowledged.</param>
    /// <returns>Whether the time was up.</returns>
    public static async Task<bool> RunAsync(
        Func<CancellationToken, Task> discard, CancellationTokenSource stop, TimeProvider timeProvider, ITransportSocket? socket = null)
    {
        Task discarding = discard(stop.Token);
        long started = timeProvider.GetTimestamp();
        do
        {
            await Task.WhenAny(discarding, Task.Delay(Time, timeProvider, stop.Token)).ConfigureAwait(false);
        }
        while (!discarding.IsCompleted && !stop.IsCancellationRequested && socket?.CountUnacknowledged() > 0
            && timeProvider.GetElapsedTime(started) < LongestTime);

        bool isTimeUp = !discarding.IsCompleted;
        await stop.CancelAsync().ConfigureAwait(false);
        await discarding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return isTimeUp;
    }
}
