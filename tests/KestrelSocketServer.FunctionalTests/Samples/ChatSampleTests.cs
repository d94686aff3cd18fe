using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace KestrelSocketServer.FunctionalTests.Samples;

[Trait("Row", "X3")]
public sealed class ChatSampleTests
{
    [Theory]
    [InlineData("Hello, world! How-are you? Fine.\n", "Hello, world! How-are you? Fine.")]
    [InlineData("  trimmed \r\n", "trimmed")]
    [InlineData("Grüße, мир_2, 世界\n", "Grüße, мир_2, 世界")]
    [InlineData("<b>\u001b[1mbold</b>\u0007 & \"quoted\"\n", "b1mboldb  quoted")]
    public async Task It_sends_the_words_of_one_to_all_and_back(string sent, string text)
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Chat");
        await using SampleProcess _ = sample;
        await using Netcat first = await ChatClientAsync(address);
        await using Netcat second = await ChatClientAsync(address, first);

        await first.SendAsync(sent);

        string? line = await first.ReadLineAsync();
        Assert.Matches($@"^127\.0\.0\.1:\d+: {Regex.Escape(text)}$", line);
        Assert.Equal(line, await second.ReadLineAsync());
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE, (byte)'a', (byte)'\n' })]
    [InlineData(new byte[] { 0xC3 })]
    [InlineData(new byte[] { (byte)'\n' })]
    [InlineData(new byte[] { (byte)' ', (byte)'<', (byte)'>', (byte)' ', (byte)'\n' })]
    public async Task It_ignores_messages_that_are_empty_or_not_UTF_8(byte[] ignored)
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync("Chat");
        await using SampleProcess _ = sample;
        await using Netcat listener = await ChatClientAsync(address);

        // The server ends the connection once it has seen all of it.
        using var client = new TcpClient();
        await client.ConnectAsync(address).WaitAsync(TestTimeout.Value);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(ignored).AsTask().WaitAsync(TestTimeout.Value);
        client.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(TestTimeout.Value));

        await listener.SendAsync("next\n");
        Assert.EndsWith(": next", await listener.ReadLineAsync(), StringComparison.Ordinal);
    }

    /// <summary>Connects, and waits until what it says arrives: from then on it hears the others.</summary>
    private static async Task<Netcat> ChatClientAsync(IPEndPoint address, params Netcat[] others)
    {
        Netcat client = await Netcat.ConnectAsync(address);
        await client.SendAsync("here\n");
        foreach (Netcat everybody in others.Append(client))
        {
            Assert.EndsWith(": here", await everybody.ReadLineAsync(), StringComparison.Ordinal);
        }

        return client;
    }
}
