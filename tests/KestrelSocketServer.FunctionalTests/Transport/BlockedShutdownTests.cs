using System.Diagnostics;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "C25")]
[Trait("Row", "H4")]
public sealed class BlockedShutdownTests
{
    public static TheoryData<SocketTransportDriver, int> Handlers => TestDrivers.With(1, 20);

    [Theory]
    [MemberData(nameof(Handlers))]
    public async Task A_host_stops_in_time_while_handlers_block_for_ever(SocketTransportDriver driver, int handlers)
    {
        using var gate = new Gate();
        int closed = 0;
        var allClosed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        TestHost host = await EventLoopHost.StartAsync(
            connection =>
            {
                connection.Closed += () =>
                {
                    if (Interlocked.Increment(ref closed) == handlers)
                    {
                        allClosed.SetResult();
                    }
                };
                EventLoopHost.BlockInData(gate)(connection);
            },
            configure: server => server.Transport.Driver = driver);
        await using (host)
        {
            using Clients blocked = await Clients.ConnectAsync(host.Server("test"), handlers);
            await blocked.ForEachAsync(client => client.SendAsync("x"));
            await gate.BlockedAsync(handlers);
            long start = Stopwatch.GetTimestamp();

            await host.StopAsync();

            // The shutdown time-out is a second, and one more is left to handlers whose connections were aborted.
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
            await blocked.ForEachAsync(Servers.Tcp.AssertClosedAsync);
        }

        // Handlers that return after all still find their connections closed in order, without the loops.
        Assert.Equal(0, closed);
        gate.Open();
        await allClosed.Task.Soon();
    }
}
