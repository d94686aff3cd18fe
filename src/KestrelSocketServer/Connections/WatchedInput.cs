using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using KestrelSocketServer.Transport;

namespace KestrelSocketServer.Connections;

/// <summary>Tells whether something was read, and whether a read waits.</summary>
internal sealed class WatchedInput(PipeReader input) : PipeReader
{
    private ActivityFlag _received;
    private volatile bool _waits;

    public Activity TakeActivity() => (_waits ? Activity.Reading : Activity.None) | (_received.Take() ? Activity.Received : Activity.None);

    public override bool TryRead(out ReadResult result) => input.TryRead(out result);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> reading = input.ReadAsync(cancellationToken);
        return reading.IsCompleted ? reading : WaitAsync(reading);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // An empty read, one that was cancelled for example, has no position.
        if (examined.GetObject() is not null)
        {
            _received.Raise();
        }

        input.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => input.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => input.CompleteAsync(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
    {
        _waits = true;
        try
        {
            return await reading.ConfigureAwait(false);
        }
        finally
        {
            _waits = false;
        }
    }
}
