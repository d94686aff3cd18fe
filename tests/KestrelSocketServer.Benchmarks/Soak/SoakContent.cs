namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Content that shows when a piece of it is lost, doubled or out of order: random bytes whose period, a prime number, fits to no
/// buffer.
/// </summary>
internal sealed class SoakContent
{
    private const int Period = 65_521;
    private const int LongestPiece = 64 * 1024;

    private readonly byte[] _bytes = new byte[Period + LongestPiece];

    public SoakContent()
    {
        Random.Shared.NextBytes(_bytes.AsSpan(0, Period));
        _bytes.AsSpan(0, LongestPiece).CopyTo(_bytes.AsSpan(Period));
    }

    /// <summary>What comes at a position; as long as asked for, or 64 KiB.</summary>
    public ReadOnlyMemory<byte> At(long position, long length)
        => _bytes.AsMemory((int)(position % Period), (int)Math.Min(length, LongestPiece));

    public void Check(long position, ReadOnlySpan<byte> received)
    {
        if (!received.SequenceEqual(At(position, received.Length).Span))
        {
            throw new InvalidDataException($"The {received.Length} bytes at {position} are not those that were sent.");
        }
    }
}
