using System.IO.Pipelines;

namespace KestrelSocketServer;

/// <summary>
/// The pipe above TLS. Completing the output of an encrypted pipe tells the peer nothing by itself; here it says goodbye (close_notify),
/// as completing that of a plain connection sends the end of the stream.
/// </summary>
internal sealed class TlsPipe(IDuplexPipe transport, Func<Task> sayGoodbye) : PipeWriter, IDuplexPipe
{
    private readonly PipeWriter _output = transport.Output;

    public PipeReader Input { get; } = transport.Input;

    public PipeWriter Output => this;

    public override bool CanGetUnflushedBytes => _output.CanGetUnflushedBytes;

    public override long UnflushedBytes => _output.UnflushedBytes;

    public override void Advance(int bytes) => _output.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => _output.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _output.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        => _output.FlushAsync(cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        => _output.WriteAsync(source, cancellationToken);

    public override void CancelPendingFlush() => _output.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        _output.Complete(exception);
        if (exception is null)
        {
            _ = sayGoodbye();
        }
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        await _output.CompleteAsync(exception).ConfigureAwait(false);
        if (exception is null)
        {
            await sayGoodbye().ConfigureAwait(false);
        }
    }
}
