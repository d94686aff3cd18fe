namespace KestrelSocketServer;

// For how long what may last. One clock looks at all connections twice a second.
public sealed partial class SocketConnectionOptions
{
    /// <summary>
    /// For how long nothing may be received nor sent: a connection that is idle for longer is closed with a
    /// <see cref="TimeoutException"/> as its <see cref="ISocketConnection.Error"/> (row C28).
    /// </summary>
    /// <remarks>
    /// Defaults to null: for ever. Kept to within a second, never too early. What a peer does not take is not sent: a peer that
    /// stops reading is idle. On transports other than the library's own, as on the application's own Kestrel, it is not, while
    /// something waits to be sent, and times are kept to within two seconds.
    /// </remarks>
    public TimeSpan? IdleTimeout { get; set; }

    /// <summary>
    /// For how long nothing may be received from the connection event on: a client that connects and says nothing is closed with
    /// <see cref="SocketCloseReason.FirstByteTimeout"/> (row G10).
    /// </summary>
    /// <remarks>
    /// Defaults to null: for ever. On endpoints that are open to the internet, set it, or <see cref="ReadTimeout"/>. The time of a handler
    /// that does not read, or has called <see cref="ISocketConnection.Pause"/>, does not count.
    /// </remarks>
    public TimeSpan? FirstByteTimeout { get; set; }

    /// <summary>
    /// For how long nothing may be received, while the handler reads: a connection that is silent for longer is closed with
    /// <see cref="SocketCloseReason.ReadTimeout"/> (row G11).
    /// </summary>
    /// <remarks>
    /// Defaults to null: for ever. Begins anew with whatever is received, and with each time that the handler begins to read; the time of
    /// a handler that does not read, or has called <see cref="ISocketConnection.Pause"/>, does not count. After the peer's end it has no effect.
    /// </remarks>
    public TimeSpan? ReadTimeout { get; set; }

    /// <summary>
    /// For how long the peer may take nothing while something is to be sent to it: a connection that is stalled for longer is closed, with a
    /// reset, with <see cref="SocketCloseReason.WriteTimeout"/> (row G12).
    /// </summary>
    /// <remarks>
    /// Defaults to null: for ever. Progress counts, however slow, and not completion. On event loops that is what the peer has acknowledged,
    /// also of what the system holds; on the driver <see cref="SocketTransportDriver.Socket"/> what the system has taken; on the application's
    /// own Kestrel a flush that completes, so that it must be more than what the slowest client takes for 64 KiB.
    /// </remarks>
    public TimeSpan? WriteTimeout { get; set; }

    /// <summary>
    /// For how long a connection of which one direction is over may neither receive nor send anything in the other: it is then closed with
    /// <see cref="SocketCloseReason.HalfClosedTimeout"/> (row G13).
    /// </summary>
    /// <remarks>
    /// Defaults to null: for ever. For what follows <see cref="ISocketConnection.EndWriting"/>, and for <see cref="AllowHalfOpen"/> and
    /// handlers that read in their own flow, which may go on writing after the peer's end.
    /// </remarks>
    public TimeSpan? HalfClosedTimeout { get; set; }

    /// <summary>
    /// How old a connection may become: then it is asked to end by <see cref="ISocketConnection.Stopping"/>, and closed with
    /// <see cref="SocketCloseReason.MaxAge"/> when it has not done so within <see cref="MaxConnectionAgeGrace"/> (row G14).
    /// </summary>
    /// <remarks>Defaults to null: as old as it likes. For clients that are to be spread anew over servers that were added or replaced.</remarks>
    public TimeSpan? MaxConnectionAge { get; set; }

    /// <summary>
    /// The share of <see cref="MaxConnectionAge"/> by which a connection may become older, at random, so that clients that came together
    /// do not come back together.
    /// </summary>
    /// <remarks>Defaults to 0.1, a tenth; from 0 to 1.</remarks>
    public double MaxConnectionAgeJitter { get; set; } = 0.1;

    /// <summary>How long a connection that has reached <see cref="MaxConnectionAge"/> has to end by itself.</summary>
    /// <remarks>Defaults to 10 seconds.</remarks>
    public TimeSpan MaxConnectionAgeGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether any time-out is set.</summary>
    internal bool HasTimeouts => (IdleTimeout ?? FirstByteTimeout ?? ReadTimeout ?? WriteTimeout ?? HalfClosedTimeout ?? MaxConnectionAge) is not null;

    private void ValidateTimeouts(string subject)
    {
        Require(IdleTimeout, nameof(IdleTimeout), "be idle");
        Require(FirstByteTimeout, nameof(FirstByteTimeout), "wait for the first byte");
        Require(ReadTimeout, nameof(ReadTimeout), "receive nothing");
        Require(WriteTimeout, nameof(WriteTimeout), "be stalled");
        Require(HalfClosedTimeout, nameof(HalfClosedTimeout), "be half closed");
        Require(MaxConnectionAge, nameof(MaxConnectionAge), "be open");
        if (!(MaxConnectionAgeJitter is >= 0 and <= 1))
        {
            throw new InvalidOperationException(
                FormattableString.Invariant($"{subject}{nameof(MaxConnectionAgeJitter)} is {MaxConnectionAgeJitter}; it must be from 0 to 1, as a share of {nameof(MaxConnectionAge)}."));
        }

        if (MaxConnectionAgeGrace < TimeSpan.Zero)
        {
            throw new InvalidOperationException($"{subject}{nameof(MaxConnectionAgeGrace)} is {MaxConnectionAgeGrace}; it must be zero or more.");
        }

        void Require(TimeSpan? value, string option, string what)
        {
            if (value <= TimeSpan.Zero)
            {
                throw new InvalidOperationException(
                    $"{subject}{option} is {value}; it must be more than zero, or null where a connection may {what} for ever.");
            }
        }
    }
}
