using KestrelSocketServer.Gate;

namespace KestrelSocketServer.Tests.Gate;

[Trait("Row", "G3")]
public sealed class TokenBucketTests
{
    [Fact]
    public void A_burst_comes_at_once_and_then_one_for_each_interval()
    {
        var rate = new Rate(Interval: 100, Burst: 3);
        var bucket = new TokenBucket();
        Assert.Equal(3, TakeAll(ref bucket, rate, now: 1000));
        Assert.Equal(0, TakeAll(ref bucket, rate, now: 1099));
        Assert.Equal(1, TakeAll(ref bucket, rate, now: 1100));
        Assert.Equal(2, TakeAll(ref bucket, rate, now: 1300));
        Assert.False(bucket.IsFull(1301));
        Assert.True(bucket.IsFull(1600));
        Assert.Equal(3, TakeAll(ref bucket, rate, now: 1_000_000));
    }

    [Fact]
    public void Without_a_rate_there_is_always_one_and_it_stays_full()
    {
        var bucket = new TokenBucket();
        Assert.True(bucket.HasToken(default, 5));
        bucket.Take(default, 5);
        Assert.True(bucket.IsFull(5));
    }

    [Fact]
    public void Taking_from_an_empty_one_makes_no_debt()
    {
        var rate = new Rate(Interval: 100, Burst: 2);
        var bucket = new TokenBucket();
        for (int i = 0; i < 50; i++)
        {
            bucket.Take(rate, now: 0);
        }

        Assert.False(bucket.HasToken(rate, 99));
        Assert.Equal(1, TakeAll(ref bucket, rate, now: 100));
    }

    [Fact]
    [Trait("Row", "G8")]
    public void A_raised_rate_counts_at_once()
    {
        var bucket = new TokenBucket();
        Assert.Equal(60, TakeAll(ref bucket, new Rate(Interval: 1000, Burst: 60), now: 0));

        var raised = new Rate(Interval: 10, Burst: 5);
        Assert.False(bucket.HasToken(raised, 0));
        Assert.Equal(1, TakeAll(ref bucket, raised, now: 10));
    }

    [Theory]
    [InlineData(100.0, null, 10_000, 100)]
    [InlineData(0.5, null, 2_000_000, 1)]
    [InlineData(2.5, null, 400_000, 3)]
    [InlineData(10.0, 7, 100_000, 7)]
    [InlineData(1e-30, null, 1L << 61, 1)]
    public void A_rate_is_an_interval_and_a_burst_of_a_second_by_default(double perSecond, int? burst, long interval, int expectedBurst)
        => Assert.Equal(new Rate(interval, expectedBurst), Rate.From(perSecond, burst, new MicrosecondClock()));

    [Fact]
    public void The_rarest_rate_and_the_largest_burst_do_not_overflow()
    {
        Rate rate = Rate.From(1e-30, int.MaxValue, TimeProvider.System);
        var bucket = new TokenBucket();
        Assert.True(bucket.HasToken(rate, 1L << 61));
        bucket.Take(rate, 1L << 61);
        Assert.False(bucket.IsFull(1L << 61));
    }

    private static int TakeAll(ref TokenBucket bucket, Rate rate, long now)
    {
        int taken = 0;
        for (; bucket.HasToken(rate, now); taken++)
        {
            bucket.Take(rate, now);
        }

        return taken;
    }

    private sealed class MicrosecondClock : TimeProvider
    {
        public override long TimestampFrequency => 1_000_000;
    }
}
