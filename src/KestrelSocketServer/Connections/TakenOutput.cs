using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer.Connections;

/// <summary>The output of a pipe that the handler has taken: enters what is unsent there into the account of all connections.</summary>
internal sealed class TakenOutput(PipeWriter output, ConnectionWriter writer) : PipeWriter
{
    public override bool CanGetUnflushedBytes => output.CanGetUnflushedBytes;

    public override long UnflushedBytes => output.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => output.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => output.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        output.Advance(bytes);
        writer.OnTakenWritten(bytes);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => Follow(output.FlushAsync(cancellationToken), 0);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        => Follow(output.WriteAsync(source, cancellationToken), source.Length);

    public override void CancelPendingFlush() => output.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => output.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => output.CompleteAsync(exception);

    private ValueTask<FlushResult> Follow(ValueTask<FlushResult> flush, int bytes)
    {
        if (!flush.IsCompleted)
        {
            return WaitAsync(flush, bytes);
        }

        writer.OnTakenSent();
        return flush;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> WaitAsync(ValueTask<FlushResult> flush, int bytes)
    {
        writer.OnTakenWaiting(bytes);
        try
        {
            return await flush.ConfigureAwait(false);
        }
        finally
        {
            writer.OnTakenSent();
        }
    }
}
