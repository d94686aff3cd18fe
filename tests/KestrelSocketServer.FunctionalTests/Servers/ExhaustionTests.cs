using System.Diagnostics;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class ExhaustionTests
{
    [Theory]
    [InlineData("")]
    [InlineData("loops")]
    [Trait("Row", "A17")]
    [Trait("Row", "L4")]
    [Trait("Row", "L5")]
    public async Task Without_descriptors_accepting_waits_patiently_and_goes_on_by_itself(string acceptors)
    {
        using ChildProcess child = ChildProcess.StartWith(new() { ["DOTNET_TieredCompilation"] = "0" }, "exhaust", acceptors);
        string address = await child.ReadLineAsync();
        using RawClient existing = await RawClient.ConnectAsync(address);
        await TalkAsync(existing, "fill");

        using RawClient waiting = await RawClient.ConnectAsync(address);
        await waiting.SendAsync("late");
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal("Accept TooManyOpenSockets", await child.ReadLineAsync());
        }

        // From the sixth attempt to the ninth it waits two seconds; the first ones have compiled what they need.
        TimeSpan processorTime = child.ProcessorTime;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("Accept TooManyOpenSockets", await child.ReadLineAsync());
            await TalkAsync(existing, "here");
        }

        Assert.True(Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(1), "It tried again too often.");
        Assert.True(child.ProcessorTime - processorTime < TimeSpan.FromSeconds(0.5), $"It spent {child.ProcessorTime - processorTime}.");

        await TalkAsync(existing, "free");
        Assert.Equal("late", await waiting.ReceiveTextAsync(4));
        using RawClient later = await RawClient.ConnectAsync(address);
        await TalkAsync(later, "more");
    }

    private static async Task TalkAsync(RawClient client, string text)
    {
        await client.SendAsync(text);
        Assert.Equal(text, await client.ReceiveTextAsync(text.Length));
    }
}
