using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Samples;

[Trait("Row", "X4")]
public sealed class ThroughputSampleTests
{
    [Fact]
    public async Task It_reports_what_it_received_when_the_client_leaves()
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Throughput");
        await using SampleProcess _ = sample;

        using (var client = new TcpClient())
        {
            await client.ConnectAsync(address).WaitAsync(TestTimeout.Value);
            await client.GetStream().WriteAsync(new byte[8 * 1024 * 1024]).AsTask().WaitAsync(TestTimeout.Value);
        }

        Assert.Matches(@"^127\.0\.0\.1:\d+: 8388608 bytes in \d+\.\d{3} s: \d+\.\d MiB/s$", await sample.ReadLineAsync());
    }
}
