using System.Net;

namespace KestrelSocketServer.FunctionalTests.Samples;

[Trait("Row", "X1")]
public sealed class HelloSampleTests
{
    [Fact]
    public async Task It_greets_in_three_lines_and_closes_when_anything_is_sent()
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Hello");
        await using SampleProcess _ = sample;
        await using Netcat client = await Netcat.ConnectAsync(address);

        Assert.Matches(@"^Hello 127\.0\.0\.1:\d+!$", await client.ReadLineAsync());
        Assert.Equal("Welcome to this amazing server!", await client.ReadLineAsync());
        Assert.Equal("Here's a tip: don't say anything.", await client.ReadLineAsync());

        await client.SendAsync("anything\n");
        await client.EndAsync();

        Assert.Null(await client.ReadLineAsync());
    }
}
