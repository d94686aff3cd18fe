namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>Lets the first write through and holds back the others, to send them all in one.</summary>
internal sealed class HoldingStream(Stream inner) : PairStream(inner, inner)
{
    private readonly Stream _inner = inner;
    private readonly MemoryStream _held = new();
    private bool _holding;

    public async Task ReleaseAsync() => await _inner.WriteAsync(_held.ToArray());

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_holding)
        {
            _held.Write(buffer.Span);
            return;
        }

        _holding = true;
        await _inner.WriteAsync(buffer, cancellationToken);
    }
}
