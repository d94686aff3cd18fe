using System.Globalization;
using Xunit.Abstractions;

namespace KestrelSocketServer.FunctionalTests.Chaos;

/// <summary>
/// Everything at once, against one process: at the end each connection has closed once, and nothing of them is left.
/// SOCKETSERVER_CHAOS_SECONDS makes it longer; SOCKETSERVER_CHAOS_SEED repeats what the clients of an earlier run did.
/// </summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private const int Clients = 12;

    // What a process may hold more of after a storm than before: threads in reserve, pooled buffers.
    private const int MoreDescriptors = 8;
    private const int MoreThreads = 8;
    private const long MoreMemory = 32 * 1024 * 1024;

    private static readonly TimeSpan Length = TimeSpan.FromSeconds(Read("SOCKETSERVER_CHAOS_SECONDS", 20));

    [Fact]
    [Trait("Row", "L4")]
    [Trait("Row", "L5")]
    [Trait("Row", "G8")]
    public async Task Whatever_clients_and_operators_do_at_once_each_connection_closes_once_and_nothing_is_left()
    {
        int seed = (int)Read("SOCKETSERVER_CHAOS_SEED", Random.Shared.Next());
        output.WriteLine($"Repeat it with SOCKETSERVER_CHAOS_SEED={seed}.");
        await using ChaosServer server = await ChaosServer.StartAsync();
        var first = new ChaosClient(server, new Random(seed));
        foreach (string name in ChaosClient.Names)
        {
            // All that is made once is there before it counts.
            await Task.WhenAll(first.TryAsync(name), first.TryAsync(name));
        }

        await OperateAsync(server, new Random(seed), new CancellationToken(canceled: true));
        ChaosState before = await server.WaitForStateAsync(static state => state.IsQuiet);
        Assert.True(before.IsQuiet, $"{before}");

        using var time = new CancellationTokenSource(Length);
        await Task.WhenAll(Enumerable.Range(1, Clients)
            .Select(number => Task.Run(() => new ChaosClient(server, new Random(seed + number)).RunAsync(time.Token)))
            .Append(Task.Run(() => OperateAsync(server, new Random(seed), time.Token))));

        // Threads that were needed go after a while.
        ChaosState after = await server.WaitForStateAsync(state => state.IsQuiet && state.Threads <= before.Threads + MoreThreads);
        output.WriteLine($"{before}\n{after}");
        Assert.True(after.IsQuiet, $"{after}");
        Assert.Equal(0, after.Twice);
        Assert.True(after.Opened > before.Opened + 100, $"{after}");
        Assert.InRange(after.Threads, 1, before.Threads + MoreThreads);
        Assert.InRange(after.Descriptors, 1, before.Descriptors + MoreDescriptors);
        Assert.InRange(after.Memory, 1, before.Memory + MoreMemory);

        Assert.True(after.Rejected > before.Rejected, $"{after}");

        // Its gate has forgotten nobody, and serves as before.
        server.ChangeSettings(maxConnections: Clients);
        await server.WaitForStateAsync(state => state.Reloads > after.Reloads);
        foreach (string endpoint in ChaosServer.Echoes)
        {
            RawClient[] clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => RawClient.ConnectAsync(server.Addresses[endpoint])));
            foreach (RawClient client in clients)
            {
                await client.SendAsync("still here");
                Assert.Equal("still here", await client.ReceiveTextAsync(10));
            }

            Array.ForEach(clients, static client => client.Dispose());
        }
    }

    // What operators do, once at least.
    private static async Task OperateAsync(ChaosServer server, Random random, CancellationToken cancellationToken)
    {
        do
        {
            switch (random.Next(4))
            {
                case 0:
                    server.SwapCertificate();
                    break;
                case 1:
                    server.ChangeSettings();
                    break;
                case 2:
                    await server.AskAsync("open");
                    await server.AskAsync(random.Next(2) == 0 ? "drain" : "close");
                    break;
                default:
                    await server.AskAsync("fill");
                    await server.GetStateAsync();
                    Assert.Equal("done", await server.AskAsync("free"));
                    break;
            }

            // Its clients have a turn in between.
            await server.GetStateAsync();
        }
        while (!cancellationToken.IsCancellationRequested);
    }

    private static long Read(string variable, long otherwise)
        => Environment.GetEnvironmentVariable(variable) is { } text ? long.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
