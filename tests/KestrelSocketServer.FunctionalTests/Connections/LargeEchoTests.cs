using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class LargeEchoTests(TestTransport transport, long size)
{
    [Fact]
    [Trait("Row", "C24")]
    public async Task An_echo_gives_back_the_same_bytes()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), transport);
        using RawClient client = await server.ConnectAsync();

        Task<byte[]> sending = Task.Run(SendAsync);
        byte[] received = await ReceiveAsync();

        Assert.Equal(await sending, received);

        async Task<byte[]> SendAsync()
        {
            // Not a round number: the blocks fall on other borders than any buffer's.
            byte[] block = RandomNumberGenerator.GetBytes((1024 * 1024) + 7);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (long left = size; left > 0; left -= block.Length)
            {
                Memory<byte> part = block.AsMemory(0, (int)Math.Min(block.Length, left));
                part.Span[0]++;
                hash.AppendData(part.Span);
                await client.SendAsync(part);
            }

            await client.ShutdownSendAsync();
            return hash.GetHashAndReset();
        }

        async Task<byte[]> ReceiveAsync()
        {
            byte[] buffer = new byte[256 * 1024];
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long total = 0;
            int count;
            while ((count = await client.Stream.ReadAsync(buffer).Soon()) > 0)
            {
                hash.AppendData(buffer, 0, count);
                total += count;
            }

            Assert.Equal(size, total);
            return hash.GetHashAndReset();
        }
    }
}

public sealed class PlainLargeEchoTests() : LargeEchoTests(TestTransport.Plain, 1L << 30);

public sealed class TlsLargeEchoTests() : LargeEchoTests(TestTransport.Tls, 100_000_000);
