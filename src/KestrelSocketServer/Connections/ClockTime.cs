namespace KestrelSocketServer.Connections;

/// <summary>
/// A moment of a <see cref="ConnectionClock"/>, as a connection remembers it in four bytes. Rounded up where a period begins and down where
/// it ends, so that no time-out comes early.
/// </summary>
internal readonly struct ClockTime(long ticks)
{
    // The range is more than a year: what is further apart is not compared.
    private const long TicksPerUnit = TimeSpan.TicksPerSecond / 50;

    /// <summary>The moment, as the begin of a period.</summary>
    public int Stamp => unchecked((int)((ticks + TicksPerUnit - 1) / TicksPerUnit));

    /// <summary>How long ago a period began.</summary>
    public TimeSpan Since(int stamp) => new(unchecked((int)(ticks / TicksPerUnit) - stamp) * TicksPerUnit);

    /// <summary>This moment, or one that is later.</summary>
    public ClockTime Add(TimeSpan time) => new(ticks + time.Ticks);
}
