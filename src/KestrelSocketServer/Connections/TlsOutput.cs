using System.IO.Pipelines;

namespace KestrelSocketServer.Connections;

/// <summary>
/// The output of the pipe above TLS. Completing the output of an encrypted pipe tells the peer nothing by itself; here it says goodbye
/// (close_notify), as completing that of a plain connection sends the end of the stream.
/// </summary>
internal sealed class TlsOutput(PipeWriter output, Func<Task> sayGoodbye) : PipeWriter
{
    public override bool CanGetUnflushedBytes => output.CanGetUnflushedBytes;

    public override long UnflushedBytes => output.UnflushedBytes;

    public override void Advance(int bytes) => output.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => output.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => output.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        => output.FlushAsync(cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        => output.WriteAsync(source, cancellationToken);

    public override void CancelPendingFlush() => output.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        output.Complete(exception);
        if (exception is null)
        {
            _ = sayGoodbye();
        }
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        await output.CompleteAsync(exception).ConfigureAwait(false);
        if (exception is null)
        {
            await sayGoodbye().ConfigureAwait(false);
        }
    }
}
