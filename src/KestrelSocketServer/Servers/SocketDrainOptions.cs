namespace KestrelSocketServer;

/// <summary>How an endpoint is drained: how its connections are asked to end, and how long is waited for them (row G19).</summary>
public sealed class SocketDrainOptions
{
    /// <summary>Over which time <see cref="ISocketConnection.Stopping"/> is raised, one connection after the other, so that the clients do not come back all at once.</summary>
    /// <remarks>Defaults to zero: at once. Not more than <see cref="Timeout"/>.</remarks>
    public TimeSpan Spread { get; set; }

    /// <summary>How long to wait for the connections to end by themselves, from the beginning on.</summary>
    /// <remarks>Defaults to 30 seconds. <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> waits for ever.</remarks>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many connections may be left: when there are no more than that, the wait is over.</summary>
    /// <remarks>Defaults to zero.</remarks>
    public int Remaining { get; set; }

    /// <summary>Told how many connections are left: once a second, and at the end.</summary>
    /// <remarks>Defaults to null: nobody. Must not block.</remarks>
    public IProgress<int>? Progress { get; set; }

    /// <exception cref="ArgumentException">A value is not allowed.</exception>
    internal void Validate()
    {
        bool isEndless = Timeout == System.Threading.Timeout.InfiniteTimeSpan;
        if (Timeout < TimeSpan.Zero && !isEndless)
        {
            throw new ArgumentException($"{nameof(Timeout)} is {Timeout}; it must be zero or more, or {nameof(System.Threading.Timeout.InfiniteTimeSpan)}.");
        }

        if (Spread < TimeSpan.Zero || (Spread > Timeout && !isEndless))
        {
            throw new ArgumentException($"{nameof(Spread)} is {Spread}; it must be from zero to {nameof(Timeout)}, which is {Timeout}.");
        }

        if (Remaining < 0)
        {
            throw new ArgumentException($"{nameof(Remaining)} is {Remaining}; it must be zero or more.");
        }
    }
}
