using System.Diagnostics;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "C25")]
[Trait("Row", "H4")]
public sealed class BlockedShutdownTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    public async Task A_host_stops_in_time_while_handlers_block_for_ever(int handlers)
    {
        using var gate = new Gate();
        int closed = 0;
        var allClosed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        TestHost host = await EventLoopHost.StartAsync(connection =>
        {
            connection.Closed += () =>
            {
                if (Interlocked.Increment(ref closed) == handlers)
                {
                    allClosed.SetResult();
                }
            };
            EventLoopHost.BlockInData(gate)(connection);
        });
        await using (host)
        {
            using Clients blocked = await Clients.ConnectAsync(host.Server("test"), handlers);
            await blocked.ForEachAsync(client => client.SendAsync("x"));
            await gate.BlockedAsync(handlers);
            long start = Stopwatch.GetTimestamp();

            await host.StopAsync();

            // The shutdown time-out is a second, and Kestrel waits for one more.
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
            await blocked.ForEachAsync(Servers.Tcp.AssertClosedAsync);
        }

        // Handlers that return after all still find their connections closed in order, without the loops.
        Assert.Equal(0, closed);
        gate.Open();
        await allClosed.Task.Soon();
    }
}
