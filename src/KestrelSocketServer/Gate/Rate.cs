namespace KestrelSocketServer.Gate;

/// <summary>How often something may happen, in the ticks of a clock's timestamps.</summary>
/// <param name="Interval">The time after which it may happen once more; zero where it may happen at any time.</param>
/// <param name="Burst">How often it may happen at once.</param>
internal readonly record struct Rate(long Interval, int Burst)
{
    /// <summary>Longer than anything lasts, and short enough to be added up.</summary>
    public const long MaxTime = 1L << 61;

    /// <summary>Whether there is a limit.</summary>
    public bool IsLimited => Interval > 0;

    /// <param name="perSecond">How often; null for no limit.</param>
    /// <param name="burst">How often at once; null for as often as in a second, at least once.</param>
    /// <param name="timeProvider">The clock.</param>
    public static Rate From(double? perSecond, int? burst, TimeProvider timeProvider) => perSecond is not { } rate ? default : new Rate(
        (long)Math.Clamp(timeProvider.TimestampFrequency / rate, 1, MaxTime),
        burst ?? (int)Math.Clamp(Math.Ceiling(rate), 1, int.MaxValue));
}
