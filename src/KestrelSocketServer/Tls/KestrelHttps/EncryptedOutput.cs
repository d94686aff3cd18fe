using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer;

/// <summary>
/// The output below TLS. Kestrel's stream over a pipe does not look at whether anybody takes what is flushed, so that writes
/// over TLS would seem to succeed after the transport has failed.
/// </summary>
internal sealed class EncryptedOutput(PipeWriter output) : PipeWriter
{
    public override bool CanGetUnflushedBytes => output.CanGetUnflushedBytes;

    public override long UnflushedBytes => output.UnflushedBytes;

    public override void Advance(int bytes) => output.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => output.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => output.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        => CheckAsync(output.FlushAsync(cancellationToken));

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        => CheckAsync(output.WriteAsync(source, cancellationToken));

    public override void CancelPendingFlush() => output.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => output.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => output.CompleteAsync(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<FlushResult> CheckAsync(ValueTask<FlushResult> flush)
    {
        FlushResult result = await flush.ConfigureAwait(false);
        return result.IsCompleted ? throw new IOException("The peer no longer receives.") : result;
    }
}
