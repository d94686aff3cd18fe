using KestrelSocketServer.Connections;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Connections;

[Trait("Row", "G16")]
public sealed class ConnectionClockTests
{
    private readonly CountingTime _time = new();

    [Fact]
    public void One_timer_serves_all_and_ticks_only_while_there_is_something_to_look_at()
    {
        using var clock = new ConnectionClock(_time);
        _time.Advance(TimeSpan.FromMinutes(1));
        Item[] items = [.. Enumerable.Range(0, 1000).Select(_ => new Item())];

        Array.ForEach(items, clock.Add);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(1, _time.Timers);
        Assert.All(items, item => Assert.Equal(2, item.Ticks));
        Array.ForEach(items, clock.Remove);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.All(items, item => Assert.Equal(2, item.Ticks));

        clock.Add(items[7]);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(4, items[7].Ticks);
        Assert.Equal(1, _time.Timers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_is_added_and_removed_during_a_tick_each_one_that_stays_is_looked_at(int seed)
    {
        using var clock = new ConnectionClock(_time);
        var random = new Random(seed);
        Item[] items = [.. Enumerable.Range(0, 500).Select(_ => new Item())];
        var removed = new HashSet<Item>();
        foreach (Item item in items)
        {
            clock.Add(item);
            item.OnTicked = () =>
            {
                Item victim = items[random.Next(items.Length)];
                if (removed.Add(victim))
                {
                    clock.Remove(victim);
                }

                clock.Add(new Item());
            };
        }

        _time.Advance(ConnectionClock.Interval);

        Assert.InRange(removed.Count, 1, items.Length - 1);
        Assert.All(items.Where(item => !removed.Contains(item)), item => Assert.InRange(item.Ticks, 1, int.MaxValue));
        Array.ForEach(items, static item => (item.Ticks, item.OnTicked) = (0, null));
        _time.Advance(ConnectionClock.Interval);
        Assert.All(items, item => Assert.Equal(removed.Contains(item) ? 0 : 1, item.Ticks));
    }

    [Fact]
    public void Removing_what_is_not_there_has_no_effect()
    {
        using var clock = new ConnectionClock(_time);
        var item = new Item();
        clock.Remove(item);
        clock.Add(item);
        clock.Remove(item);
        clock.Remove(item);
        clock.Remove(new Item());

        clock.Add(item);
        _time.Advance(ConnectionClock.Interval);

        Assert.Equal(1, item.Ticks);
    }

    [Fact]
    public void A_period_is_never_longer_than_the_time_that_has_passed()
    {
        var random = new Random(1);
        for (int i = 0; i < 10_000; i++)
        {
            long begin = random.NextInt64(TimeSpan.FromDays(1000).Ticks);
            long passed = random.NextInt64(TimeSpan.FromDays(400).Ticks);

            TimeSpan period = new ClockTime(begin + passed).Since(new ClockTime(begin).Stamp);

            Assert.InRange(passed - period.Ticks, 0, TimeSpan.FromMilliseconds(40).Ticks);
        }
    }

    [Fact]
    public void Whole_seconds_are_exact() => Assert.Equal(
        TimeSpan.FromSeconds(60), new ClockTime(TimeSpan.FromSeconds(101).Ticks).Since(new ClockTime(TimeSpan.FromSeconds(41).Ticks).Stamp));

    private sealed class Item : IClockItem
    {
        public int Ticks { get; set; }

        public Action? OnTicked { get; set; }

        public int ClockIndex { get; set; } = -1;

        public void OnTick(ClockTime now)
        {
            Ticks++;
            OnTicked?.Invoke();
        }
    }

    private sealed class CountingTime : FakeTimeProvider
    {
        public int Timers { get; private set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Timers++;
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
