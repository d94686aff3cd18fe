using KestrelSocketServer.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Diagnostics;

public sealed class LogIntervalTests
{
    [Fact]
    [Trait("Row", "D3")]
    public void What_is_not_logged_is_counted_into_the_next_line()
    {
        var time = new FakeTimeProvider();
        var interval = new LogInterval(time, TimeSpan.FromMinutes(1));

        Assert.Equal(1, interval.Count());
        Assert.Equal(0, interval.Count());
        time.Advance(TimeSpan.FromSeconds(59.9));
        Assert.Equal(0, interval.Count());
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(3, interval.Count());
        Assert.Equal(0, interval.Count());
    }
}
