using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Gate;

/// <summary>The turn of one handshake: waited for when the client's first message is there, and given back once.</summary>
internal sealed class HandshakeTurn(HandshakeTurns turns, ConnectionContext connection) : IDisposable
{
    private const int None = 0;
    private const int Waiting = 1;
    private const int Taken = 2;
    private const int Over = 3;

    private int _state;

    /// <summary>Whether it has not had its turn yet.</summary>
    public bool IsWaiting => Volatile.Read(ref _state) == Waiting;

    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        Interlocked.CompareExchange(ref _state, Waiting, None);
        await turns.EnterAsync(cancellationToken).ConfigureAwait(false);
        if (Interlocked.CompareExchange(ref _state, Taken, Waiting) != Waiting)
        {
            // Nobody waited for it any more.
            turns.Leave();
        }
    }

    /// <summary>Its time was up while it waited.</summary>
    /// <returns>What it has failed by.</returns>
    public TimeoutException OnTimedOut()
    {
        turns.OnTimedOut(connection);
        return new TimeoutException(
            $"The TLS handshake was not completed in time: it had not had its turn, as {nameof(SocketConnectionOptions.MaxConcurrentHandshakes)} others were under way.");
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _state, Over) == Taken)
        {
            turns.Leave();
        }
    }
}
