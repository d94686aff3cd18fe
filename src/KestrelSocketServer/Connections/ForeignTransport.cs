using System.Net.Sockets;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.Connections;

/// <summary>A transport that is none of ours, such as that of the application's own Kestrel or one in memory, made to look like ours.</summary>
internal sealed class ForeignTransport : IConnectionControl
{
    private readonly ConnectionContext _context;
    private readonly ConnectionSettings _settings;
    private readonly WatchedPipe? _watched;
    private long _discarded;

    private ForeignTransport(ConnectionContext context, ConnectionSettings settings)
    {
        _context = context;
        _settings = settings;
        PeerSocket = context.Features.Get<IConnectionSocketFeature>()?.Socket;
        if (settings.Options.HasTimeouts)
        {
            // It does not tell whether it is used.
            context.Transport = _watched = new WatchedPipe(context.Transport);
        }
    }

    // It tells of the peer's end as of any other.
    public CancellationToken Failed => _context.ConnectionClosed;

    public CancellationToken Aborted => CancellationToken.None;

    public Exception? Failure => null;

    public bool KeepsRest => false;

    public bool? HasPeerEnded => null;

    // Over TLS on Kestrel's transport writes succeed without end, and its reset may look like the end of what the peer sends.
    public Socket? PeerSocket { get; }

    public long DiscardedBytes => Volatile.Read(ref _discarded);

    public static IConnectionControl Adapt(ConnectionContext context, ConnectionSettings settings)
        => context.Features.Get<IConnectionControl>() ?? new ForeignTransport(context, settings);

    public void AddDiscarded(long bytes) => Interlocked.Add(ref _discarded, bytes);

    public Activity TakeActivity() => _watched?.TakeActivity() ?? Activity.None;

    public bool TellsWhatIsSent => false;

    public bool HasUnread
    {
        get
        {
            try
            {
                return PeerSocket?.Available > 0;
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    public int CountUnacknowledged() => 0;

    public bool IsOutputCompleted => _watched?.IsOutputCompleted == true;

    public void Schedule(IThreadPoolWorkItem item) => ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false);

    // Kestrel's transport answers an abort with a reset: right for a fault, but a close of the application's own is an orderly
    // end of the stream (row C16).
    public void Close()
    {
        if (PeerSocket is { } socket)
        {
            try
            {
                // Before the close, which is a reset where input is left unread.
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // The peer was faster.
            }

            socket.Dispose();
        }

        _context.Abort(new ConnectionAbortedException("The connection was closed by the application."));
    }

    // It may close both directions at once, and so would answer what the peer is still sending with a reset, which may destroy what was
    // sent to it.
    public async Task LingerAsync(Func<CancellationToken, Task> discard)
    {
        using var stop = new CancellationTokenSource();
        await Lingering.RunAsync(discard, stop, _settings.TimeProvider).ConfigureAwait(false);
    }

    public void Release()
    {
        if (DiscardedBytes > 0)
        {
            _settings.Logger.InputDiscarded(_context.ConnectionId, _settings.Endpoint?.Name, DiscardedBytes);
        }
    }
}
