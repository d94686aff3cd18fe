using System.Buffers;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>Parses a PROXY header of either version at the beginning of what was received.</summary>
internal static class ProxyHeaderParser
{
    /// <summary>No header is longer than this.</summary>
    public const int MaxLength = BinaryProxyHeader.MaxLength;

    public static ProxyHeaderResult Parse(in ReadOnlySequence<byte> received)
    {
        if (received.IsSingleSegment)
        {
            return Parse(received.FirstSpan);
        }

        byte[] joined = ArrayPool<byte>.Shared.Rent(MaxLength);
        try
        {
            ReadOnlySequence<byte> beginning = received.Slice(0, Math.Min(MaxLength, received.Length));
            beginning.CopyTo(joined);
            return Parse(joined.AsSpan(0, (int)beginning.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    public static ProxyHeaderResult Parse(ReadOnlySpan<byte> received)
    {
        if (Begins(received, TextProxyHeader.Signature))
        {
            return received.Length < TextProxyHeader.Signature.Length ? ProxyHeaderResult.NeedsMore : TextProxyHeader.Parse(received);
        }

        if (Begins(received, BinaryProxyHeader.Signature))
        {
            return received.Length < BinaryProxyHeader.FixedLength ? ProxyHeaderResult.NeedsMore : BinaryProxyHeader.Parse(received);
        }

        return ProxyHeaderResult.Missing;
    }

    // As far as it has arrived.
    private static bool Begins(ReadOnlySpan<byte> received, ReadOnlySpan<byte> signature)
    {
        int length = Math.Min(received.Length, signature.Length);
        return received[..length].SequenceEqual(signature[..length]);
    }
}
