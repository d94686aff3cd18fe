using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using KestrelSocketServer.Transport;

namespace KestrelSocketServer.Connections;

/// <summary>Tells whether something was handed over to be sent, and whether it waits: how much of it the peer takes cannot be seen.</summary>
internal sealed class WatchedOutput(PipeWriter output) : PipeWriter
{
    private ActivityFlag _sent;
    private volatile bool _waits;
    private volatile bool _isCompleted;

    public override bool CanGetUnflushedBytes => output.CanGetUnflushedBytes;

    public override long UnflushedBytes => output.UnflushedBytes;

    /// <summary>Whether it was completed.</summary>
    public bool IsCompleted => _isCompleted;

    public Activity TakeActivity() => (_waits ? Activity.Unsent : Activity.None) | (_sent.Take() ? Activity.Sent : Activity.None);

    public override void Advance(int bytes) => output.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => output.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => output.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        _sent.Raise();
        return Watch(output.FlushAsync(cancellationToken));
    }

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        _sent.Raise();
        return Watch(output.WriteAsync(source, cancellationToken));
    }

    public override void CancelPendingFlush() => output.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        _isCompleted = true;
        output.Complete(exception);
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        _isCompleted = true;
        return output.CompleteAsync(exception);
    }

    private ValueTask<FlushResult> Watch(ValueTask<FlushResult> flush) => flush.IsCompleted ? flush : WaitAsync(flush);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> WaitAsync(ValueTask<FlushResult> flush)
    {
        _waits = true;
        try
        {
            return await flush.ConfigureAwait(false);
        }
        finally
        {
            _waits = false;
            _sent.Raise();
        }
    }
}
