using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace KestrelSocketServer;

// The flush that waits for the driver.
internal sealed partial class SocketOutput : IValueTaskSource<FlushResult>, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<bool> _source;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private bool _flushWaits;
    private bool _cancelled;
    private bool _tokenCancelled;

    public override void CancelPendingFlush()
    {
        lock (_lock)
        {
            _cancelled = true;
            if (!TakeWaitingFlush())
            {
                return;
            }
        }

        socket.Schedule(this);
    }

    void IThreadPoolWorkItem.Execute() => _source.SetResult(true);

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _source.GetResult(token);
        _registration.Dispose();
        _registration = default;
        CancellationToken cancellation = _token;
        _token = default;
        lock (_lock)
        {
            if (_tokenCancelled)
            {
                _tokenCancelled = false;
                cancellation.ThrowIfCancellationRequested();
            }
        }

        return new FlushResult(TakeCancelled(), _failed);
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _source.OnCompleted(continuation, state, token, flags);

    private ValueTask<FlushResult> WaitForDriverAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_driverSends)
            {
                // It is done by now; what was written since has not been flushed.
                return FlushAsync(cancellationToken);
            }

            TakeWritten();
            if (TakeCancelled())
            {
                return ValueTask.FromResult(new FlushResult(isCanceled: true, _failed));
            }

            if (!_flushWaits)
            {
                _flushWaits = true;
                _token = cancellationToken;
                _source.Reset();
            }
        }

        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(static state => ((SocketOutput)state!).OnTokenCancelled(), this);
        }

        return new ValueTask<FlushResult>(this, _source.Version);
    }

    private void OnTokenCancelled()
    {
        lock (_lock)
        {
            // A late call for a flush that is over already finds another token here, or none.
            if (!_token.IsCancellationRequested || !TakeWaitingFlush())
            {
                return;
            }

            _tokenCancelled = true;
        }

        socket.Schedule(this);
    }

    // Whoever takes the waiting flush completes it, alone.
    private bool TakeWaitingFlush()
    {
        bool waits = _flushWaits;
        _flushWaits = false;
        return waits;
    }

    private void CompleteFlush()
    {
        if (runOnThreadPool)
        {
            socket.Schedule(this);
        }
        else
        {
            _source.SetResult(true);
        }
    }

    private bool TakeCancelled()
    {
        if (!_cancelled)
        {
            return false;
        }

        _cancelled = false;
        return true;
    }
}
