namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "C25")]
public sealed class HandOverLoadTests
{
    private const int Echoers = 50;
    private const int Rounds = 60;
    private const int Blockers = 5;
    private const int Blocks = 30;
    private const int LargestMessage = 40_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Row", "C1")]
    public async Task No_byte_is_lost_or_changed_while_loops_change_their_threads(int loops)
    {
        using var gate = new Gate();
        using var roundTrips = new SemaphoreSlim(0);
        await using TestHost host = await EventLoopHost.StartAsync(EventLoopHost.BlockInData(gate), loops);
        using Clients echoers = await Clients.ConnectAsync(host.Server("echo"), Echoers);
        using Clients blockers = await Clients.ConnectAsync(host.Server("test"), Blockers);

        await Task.WhenAll(
        [
            .. Enumerable.Range(0, Echoers).Select(i => Task.Run(() => EchoAsync(echoers[i], new Random(i), roundTrips))),
            Task.Run(() => LetGoAsync(gate, new Random(Echoers), roundTrips)),
            .. Enumerable.Range(0, Blockers).Select(i => Task.Run(() => BlockAsync(blockers[i], new Random(1000 + i)))),
        ]);

        await echoers.TalkAsync(rounds: 1);
    }

    private static async Task EchoAsync(RawClient client, Random random, SemaphoreSlim roundTrips)
    {
        for (int round = 0; round < Rounds; round++)
        {
            await EchoAsync(client, random, LargestMessage);
            roundTrips.Release();
        }
    }

    private static async Task BlockAsync(RawClient client, Random random)
    {
        for (int block = 0; block < Blocks; block++)
        {
            // Small, so that it comes as one chunk, which blocks once.
            await EchoAsync(client, random, 100);
        }
    }

    // Handlers block for as long as some round trips of the others take: short times, and random ones.
    private static async Task LetGoAsync(Gate gate, Random random, SemaphoreSlim roundTrips)
    {
        for (int block = 0; block < Blockers * Blocks; block++)
        {
            await gate.BlockedAsync();
            for (int i = random.Next(Echoers * Rounds / (Blockers * Blocks)); i > 0; i--)
            {
                await roundTrips.WaitAsync().Soon();
            }

            gate.Let(1);
        }
    }

    private static async Task EchoAsync(RawClient client, Random random, int most)
    {
        byte[] sent = new byte[random.Next(1, most)];
        random.NextBytes(sent);
        await client.SendAsync(sent);
        Assert.Equal(sent, await client.ReceiveExactlyAsync(sent.Length));
    }
}
