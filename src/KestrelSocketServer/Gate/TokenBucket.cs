namespace KestrelSocketServer.Gate;

/// <summary>
/// A token bucket in one number: the time at which it is full again. What was taken puts that time off by one interval a token, so nothing
/// has to refill it. The default is a full bucket.
/// </summary>
internal struct TokenBucket
{
    private long _fullAt;

    public readonly bool IsFull(long now) => _fullAt <= now;

    public readonly bool HasToken(in Rate rate, long now) => !rate.IsLimited || MissingTime(rate, now) <= (rate.Burst - 1) * (double)rate.Interval;

    public void Take(in Rate rate, long now)
    {
        if (rate.IsLimited)
        {
            _fullAt = now + (long)Math.Min(Math.Min(MissingTime(rate, now) + rate.Interval, rate.Burst * (double)rate.Interval), long.MaxValue / 4);
        }
    }

    // Never more than of an empty bucket: it may have been taken from at a lower rate, or with a larger burst.
    private readonly double MissingTime(in Rate rate, long now) => Math.Min(Math.Max(_fullAt - now, 0), rate.Burst * (double)rate.Interval);
}
