using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace KestrelSocketServer.Transport;

/// <summary>
/// A flush that waits until the driver has sent everything. Made for the first one of a connection and used for all: few connections
/// ever have one. The output's lock guards it.
/// </summary>
internal sealed class PendingFlush(SocketOutput output, ITransportSocket socket) : IValueTaskSource<FlushResult>, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<bool> _source;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private bool _waits;
    private bool _tokenCancelled;

    /// <summary>Whether it waits for nothing but a turn of its own. The lock is held.</summary>
    public bool Yields { get; set; }

    /// <summary>Begins to wait, unless an earlier flush waits still. The lock is held.</summary>
    /// <returns>Whether it has begun.</returns>
    public bool TryBegin(CancellationToken cancellationToken)
    {
        if (_waits)
        {
            return false;
        }

        _waits = true;
        _token = cancellationToken;
        _source.Reset();
        return true;
    }

    /// <summary>The flush that waits. The lock is not held, as the token may be cancelled by now.</summary>
    public ValueTask<FlushResult> GetTask(bool hasBegun)
    {
        if (hasBegun && _token.CanBeCanceled)
        {
            _registration = _token.UnsafeRegister(static state => ((PendingFlush)state!).OnTokenCancelled(), this);
        }

        return new ValueTask<FlushResult>(this, _source.Version);
    }

    /// <summary>Whoever takes the waiting flush completes it, alone. The lock is held.</summary>
    public bool TryTake()
    {
        bool waits = _waits;
        _waits = false;
        return waits;
    }

    /// <summary>Completes the flush that was taken; runs what waits for it.</summary>
    public void Complete() => _source.SetResult(true);

    void IThreadPoolWorkItem.Execute()
    {
        lock (output)
        {
            if (Yields)
            {
                Yields = false;
                if (!TryTake())
                {
                    // It was interrupted, and completes by that.
                    return;
                }
            }
        }

        Complete();
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _source.GetResult(token);
        _registration.Dispose();
        _registration = default;
        CancellationToken cancellation = _token;
        _token = default;
        if (_tokenCancelled)
        {
            _tokenCancelled = false;
            cancellation.ThrowIfCancellationRequested();
        }

        return output.GetFlushResult();
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _source.OnCompleted(continuation, state, token, flags);

    private void OnTokenCancelled()
    {
        lock (output)
        {
            // A late call for a flush that is over already finds another token here, or none.
            if (!_token.IsCancellationRequested || !TryTake())
            {
                return;
            }

            _tokenCancelled = true;
        }

        socket.Schedule(this);
    }
}
