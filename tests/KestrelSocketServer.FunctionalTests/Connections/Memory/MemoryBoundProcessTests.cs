using KestrelSocketServer.FunctionalTests.Servers;

namespace KestrelSocketServer.FunctionalTests.Connections.Memory;

[Trait("Row", "G9")]
public sealed class MemoryBoundProcessTests
{
    private const int Floods = 200;
    private const int AnswersEach = 100;

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_crowd_that_never_reads_ends_neither_the_process_nor_the_service_of_others(SocketTransportDriver driver)
    {
        // What is asked for is more than six times as much.
        using ChildProcess child = ChildProcess.StartWith(new() { ["DOTNET_GCHeapHardLimit"] = "0xC000000" }, "flood", driver.ToString());
        string address = await child.ReadLineAsync();
        using RawClient other = await RawClient.ConnectAsync(address);
        var crowd = new List<RawClient>();
        try
        {
            byte[] question = new byte[AnswersEach];
            question.AsSpan().Fill((byte)'w');
            for (int i = 0; i < Floods; i++)
            {
                RawClient client = await RawClient.ConnectAsync(address, receiveBuffer: 16 * 1024);
                crowd.Add(client);
                await client.SendAsync(question);
                await other.SendAsync("?");
                Assert.Equal("?", await other.ReceiveTextAsync(1));
            }

            string closed = await AskUntilClosedAsync(child, other);

            // Those alone, and not all of them.
            string[] words = closed.Split(' ');
            Assert.Equal("Limit", words[0]);
            Assert.Equal(2, words.Length);
            Assert.InRange(int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture), Floods / 2, Floods - 1);
        }
        finally
        {
            crowd.ForEach(client => client.Dispose());
        }
    }

    private static async Task<string> AskUntilClosedAsync(ChildProcess child, RawClient other)
    {
        string closed = "";
        string previous;
        do
        {
            previous = closed;
            await other.SendAsync("?");
            Assert.Equal("?", await other.ReceiveTextAsync(1));
            await child.WriteLineAsync("closed");
            closed = await child.ReadLineAsync();
        }
        while (closed.Length == 0 || closed != previous);
        return closed;
    }
}
