using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer;

/// <summary>The pipe below Kestrel's TLS.</summary>
internal sealed class EncryptedTransport(IDuplexPipe transport) : PipeReader, IDuplexPipe, IEndOfTransport
{
    private readonly PipeReader _input = transport.Input;
    private bool _hasEnded;

    public PipeReader Input => this;

    public PipeWriter Output { get; } = new EncryptedOutput(transport.Output);

    public bool HasEnded => Volatile.Read(ref _hasEnded);

    // Kestrel's options do not ask for it.
    public bool RequiresCloseNotify => false;

    /// <summary>Throws why the transport has failed, if it has. Only while nobody reads.</summary>
    public void ThrowIfFailed()
    {
        if (_input.TryRead(out ReadResult result))
        {
            _input.AdvanceTo(result.Buffer.Start);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        bool read = _input.TryRead(out result);
        if (read)
        {
            Observe(result);
        }

        return read;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        => Observe(await _input.ReadAsync(cancellationToken).ConfigureAwait(false));

    public override void AdvanceTo(SequencePosition consumed) => _input.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _input.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => _input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => _input.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => _input.CompleteAsync(exception);

    private ReadResult Observe(in ReadResult result)
    {
        if (result.IsCompleted && result.Buffer.IsEmpty)
        {
            Volatile.Write(ref _hasEnded, true);
        }

        return result;
    }
}
