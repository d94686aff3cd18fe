using System.Diagnostics;
using System.Globalization;
using System.Linq.Expressions;
using KestrelSocketServer.FunctionalTests.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

/// <summary>When a handler is said to block, and when not.</summary>
[Trait("Row", "D12")]
public sealed class BlockedHandlerNoiseTests
{
    [Fact]
    public async Task What_the_runtime_takes_to_compile_a_handler_is_not_told()
    {
        using var gate = new Transport.Gate();
        await using TestHost host = await EventLoopHost.StartAsync(connection => connection.Data += chunk =>
        {
            if (chunk[0] == 'c')
            {
                Compile();
            }
            else
            {
                gate.Block();
            }

            connection.Write(chunk);
        });
        using MetricCollector<long> blocked = Meters.Collect<long>(host, "socket_server.blocked_handlers");
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await Clients.TalkAsync(client, "compile");
        Assert.Empty(blocked.GetMeasurementSnapshot());

        await client.SendAsync("block");
        await gate.BlockedAsync();
        await blocked.WaitForMeasurementsAsync(1).Soon();

        gate.Open();
        Assert.Equal("block", await client.ReceiveTextAsync(5));
        Assert.Single(blocked.GetMeasurementSnapshot());
    }

    [Fact]
    public async Task A_handler_that_blocks_again_and_again_is_one_line_a_minute_with_how_often()
    {
        var time = new FakeTimeProvider();
        using var gate = new Transport.Gate();
        await using TestHost host = await EventLoopHost.StartAsync(
            EventLoopHost.BlockInData(gate), services: services => services.AddSingleton<TimeProvider>(time));
        using MetricCollector<long> blocked = Meters.Collect<long>(host, "socket_server.blocked_handlers");

        await BlockAsync(times: 3);
        Assert.Equal([1], GetCounts(host));

        time.Advance(TimeSpan.FromSeconds(59));
        await BlockAsync(times: 1);
        Assert.Equal([1], GetCounts(host));

        time.Advance(TimeSpan.FromSeconds(1));
        await BlockAsync(times: 1);

        // A machine that is busy may have made one more late.
        int[] counts = GetCounts(host);
        Assert.Equal(2, counts.Length);
        Assert.InRange(counts[1], 4, blocked.GetMeasurementSnapshot().Count - 1);

        async Task BlockAsync(int times)
        {
            for (int i = 0; i < times; i++)
            {
                // The line comes before the measurement.
                Task measured = blocked.WaitForMeasurementsAsync(blocked.GetMeasurementSnapshot().Count + 1);
                using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
                await client.SendAsync("x");
                await gate.BlockedAsync();
                await measured.Soon();
                gate.Let(1);
                Assert.Equal("x", await client.ReceiveTextAsync(1));
            }
        }
    }

    private static int[] GetCounts(TestHost host) => [.. host.Logs.GetSnapshot()
        .Where(record => record.Id.Name == "HandlerBlocked")
        .Select(record => int.Parse(record.GetStructuredStateValue("Count")!, CultureInfo.InvariantCulture))];

    // Ten times as long as a handler may hold its loop.
    private static void Compile()
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromMilliseconds(50))
        {
            Expression<Func<int, int>> next = number => number + 1;
            Assert.Equal(2, next.Compile(preferInterpretation: false)(1));
        }
    }
}
