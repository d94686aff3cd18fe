using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Connections;

/// <summary>Content of any length that is made and checked without being held: one random block, over and over.</summary>
internal sealed class RepeatingContent
{
    // Not a round number: the blocks fall on other borders than any buffer's.
    private const int Length = (1024 * 1024) + 7;

    // Twice, so that a part from anywhere lies in one piece.
    private readonly byte[] _twoBlocks;

    public RepeatingContent()
    {
        byte[] block = RandomNumberGenerator.GetBytes(Length);
        _twoBlocks = [.. block, .. block];
    }

    public async Task SendAsync(RawClient client, long from, long to)
    {
        while (from < to)
        {
            ReadOnlyMemory<byte> part = At(from, (int)Math.Min(to - from, 512 * 1024));
            await client.SendAsync(part);
            from += part.Length;
        }
    }

    /// <summary>Receives until so much has come in all, or until the end of the stream; returns how much.</summary>
    public async Task<long> ReceiveAsync(RawClient client, long from, long to)
    {
        byte[] buffer = new byte[256 * 1024];
        int count = -1;
        while (from < to && count != 0)
        {
            count = await client.Stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, to - from))).Soon();
            Assert.True(At(from, count).Span.SequenceEqual(buffer.AsSpan(0, count)), $"What came after byte {from} is not what was sent.");
            from += count;
        }

        return from;
    }

    private ReadOnlyMemory<byte> At(long position, int count) => _twoBlocks.AsMemory((int)(position % Length), count);
}
