namespace KestrelSocketServer.Gate;

/// <summary>
/// A token bucket in one number: the time at which it is full again. What was taken puts that time off by one interval a token, so nothing
/// has to refill it. The default is a full bucket.
/// </summary>
internal struct TokenBucket
{
    private long _fullAt;

    public readonly bool IsFull(long now) => _fullAt <= now;

    public bool HasToken(in Rate rate, long now) => !rate.IsLimited || GetMissingTime(rate, now) <= (rate.Burst - 1) * (double)rate.Interval;

    public void Take(in Rate rate, long now)
    {
        if (rate.IsLimited)
        {
            _fullAt = now + (long)Math.Min(GetMissingTime(rate, now) + rate.Interval, MaxMissingTime(rate));
        }
    }

    private double GetMissingTime(in Rate rate, long now)
    {
        // Never more than of an empty bucket: it may have been taken from at a lower rate, or with a larger burst.
        _fullAt = Math.Min(_fullAt, now + (long)MaxMissingTime(rate));
        return Math.Max(_fullAt - now, 0);
    }

    private static double MaxMissingTime(in Rate rate) => Math.Min(rate.Burst * (double)rate.Interval, Rate.MaxTime);
}
