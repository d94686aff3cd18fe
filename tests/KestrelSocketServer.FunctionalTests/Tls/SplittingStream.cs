namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>Sends the first TLS record, a ClientHello, as several records, in several segments.</summary>
/// <param name="inner">What it is sent to.</param>
/// <param name="nextRecord">How many bytes of the message the next record holds.</param>
/// <param name="nextSegment">How many bytes the next segment has.</param>
internal sealed class SplittingStream(Stream inner, Func<int> nextRecord, Func<int> nextSegment) : PairStream(inner, inner)
{
    private readonly Stream _inner = inner;

    /// <summary>The length of the ClientHello.</summary>
    public int HelloLength { get; private set; }

    public static byte[] Split(ReadOnlySpan<byte> record, Func<int> nextRecord)
    {
        var split = new List<byte>();
        ReadOnlySpan<byte> head = record[..3];
        for (ReadOnlySpan<byte> message = record[5..]; !message.IsEmpty;)
        {
            int length = Math.Min(nextRecord(), message.Length);
            split.AddRange(head);
            split.AddRange([(byte)(length >> 8), (byte)length]);
            split.AddRange(message[..length]);
            message = message[length..];
        }

        return [.. split];
    }

    public static async Task SendAsync(Stream stream, ReadOnlyMemory<byte> bytes, Func<int> nextSegment, CancellationToken cancellationToken = default)
    {
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(nextSegment(), bytes.Length);
            await stream.WriteAsync(bytes[..length], cancellationToken);
            bytes = bytes[length..];
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (HelloLength > 0)
        {
            await _inner.WriteAsync(buffer, cancellationToken);
            return;
        }

        HelloLength = buffer.Length - 5;
        await SendAsync(_inner, Split(buffer.Span, nextRecord), nextSegment, cancellationToken);
    }
}
