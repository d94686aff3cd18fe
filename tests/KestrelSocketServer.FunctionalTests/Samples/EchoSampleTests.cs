using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Samples;

[Trait("Row", "X2")]
public sealed class EchoSampleTests
{
    [Fact]
    public async Task It_sends_back_each_line()
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Echo");
        await using SampleProcess _ = sample;
        await using Netcat client = await Netcat.ConnectAsync(address);

        foreach (string line in new[] { "one", "zwei", "Ελληνικά" })
        {
            await client.SendAsync($"{line}\n");
            Assert.Equal(line, await client.ReadLineAsync());
        }
    }

    [Fact]
    [Trait("Row", "C24")]
    public async Task It_sends_back_every_byte()
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Echo");
        await using SampleProcess _ = sample;
        using var client = new TcpClient();
        await client.ConnectAsync(address).WaitAsync(TestTimeout.Value);
        byte[] sent = new byte[4 * 1024 * 1024];
        new Random(1).NextBytes(sent);

        Task sending = client.GetStream().WriteAsync(sent).AsTask();
        byte[] received = new byte[sent.Length];
        await client.GetStream().ReadExactlyAsync(received).AsTask().WaitAsync(TestTimeout.Value);
        await sending;

        Assert.True(received.AsSpan().SequenceEqual(sent));
    }
}
