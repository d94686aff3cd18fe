using System.Globalization;
using System.Runtime.Versioning;

namespace KestrelSocketServer.FunctionalTests.Servers;

[SupportedOSPlatform("linux")]
public sealed class ManyEndpointsTests
{
    private const int Count = 100;

    [Fact]
    [Trait("Row", "L17")]
    public async Task An_endpoint_takes_no_thread_whatever_its_TLS()
    {
        using ChildProcess child = ChildProcess.Start("endpoints", Count.ToString(CultureInfo.InvariantCulture));

        (int threads, int timers) = Parse(await child.ReadLineAsync());
        Assert.InRange(threads, 0, Count / 2);
        Assert.Equal(0, timers);

        (threads, timers) = Parse(await child.ReadLineAsync());
        Assert.InRange(threads, 0, Count / 2);
        Assert.Equal(1, timers);
        Assert.Equal("0", await child.ReadLineAsync());
        Assert.Equal((0, ""), await child.WaitForExitAsync());
    }

    private static (int Threads, int Timers) Parse(string line)
    {
        int[] numbers = [.. line.Split(' ').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        return (numbers[0], numbers[1]);
    }
}
