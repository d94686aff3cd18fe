using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using KestrelSocketServer.Transport;

namespace KestrelSocketServer.Connections;

/// <summary>
/// Tells whether a transport is used that does not tell it by itself. What waits to be sent counts as use: how much of it the peer
/// takes cannot be seen.
/// </summary>
internal sealed class WatchedPipe(IDuplexPipe transport) : IDuplexPipe, IActivity
{
    private readonly WatchedInput _input = new(transport.Input);
    private readonly WatchedOutput _output = new(transport.Output);

    public PipeReader Input => _input;

    public PipeWriter Output => _output;

    public bool TakeActivity() => _input.TakeActivity() | _output.TakeActivity();

    private sealed class WatchedInput(PipeReader input) : PipeReader, IActivity
    {
        private volatile bool _isActive;

        public bool TakeActivity()
        {
            bool active = _isActive;
            _isActive = false;
            return active;
        }

        public override bool TryRead(out ReadResult result) => input.TryRead(out result);

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => input.ReadAsync(cancellationToken);

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            // An empty read, one that was cancelled for example, has no position.
            _isActive |= examined.GetObject() is not null;
            input.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => input.CancelPendingRead();

        public override void Complete(Exception? exception = null) => input.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => input.CompleteAsync(exception);
    }

    private sealed class WatchedOutput(PipeWriter output) : PipeWriter, IActivity
    {
        private volatile bool _isActive;
        private volatile bool _waits;

        public override bool CanGetUnflushedBytes => output.CanGetUnflushedBytes;

        public override long UnflushedBytes => output.UnflushedBytes;

        public bool TakeActivity()
        {
            bool active = _isActive;
            _isActive = _waits;
            return active;
        }

        public override void Advance(int bytes) => output.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => output.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => output.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            _isActive = true;
            return Watch(output.FlushAsync(cancellationToken));
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            _isActive = true;
            return Watch(output.WriteAsync(source, cancellationToken));
        }

        public override void CancelPendingFlush() => output.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => output.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => output.CompleteAsync(exception);

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
                _isActive = true;
            }
        }
    }
}
