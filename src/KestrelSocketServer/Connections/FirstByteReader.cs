using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer.Connections;

/// <summary>
/// Notes that whoever reads the pipe was given something. The transport does not always tell: what came together with the end of the
/// handshake was received before the connection event.
/// </summary>
internal sealed class FirstByteReader(PipeReader input, SocketConnection connection) : PipeReader
{
    public override bool TryRead(out ReadResult result)
    {
        bool hasRead = input.TryRead(out result);
        Note(result);
        return hasRead;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ReadResult result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
        Note(result);
        return result;
    }

    public override void AdvanceTo(SequencePosition consumed) => input.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => input.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => input.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => input.CompleteAsync(exception);

    private void Note(in ReadResult result) => connection.HasReceived |= !result.Buffer.IsEmpty;
}
