using System.Net.Security;
using KestrelSocketServer.Diagnostics;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KestrelSocketServer.Connections;

internal partial class SocketConnection
{
    private Task? _goodbye;

    private SslStream? TlsStream => Tls is null ? null : _context.Features.Get<ISslStreamFeature>()?.SslStream;

    /// <summary>Whether the end of what the peer sent counts as an error: it may have been cut off.</summary>
    internal bool IsTruncated()
    {
        if (Tls is null || _context.Features.Get<IEndOfTransport>() is not { HasEnded: true } transport)
        {
            return false;
        }

        Tls.MarkTruncated();
        return transport.RequiresCloseNotify;
    }

    internal IOException TruncationError() => new(
        $"The peer of connection {Id} has left without announcing the end of what it sent (TLS close_notify): some of it may be missing.");

    // The end of the stream over TLS; the transport's own follows when the connection is disposed of.
    internal async Task SendCloseNotifyAsync()
    {
        if (TlsStream is not { } stream)
        {
            return;
        }

        try
        {
            // Already begun where the handler has completed the output of its pipe.
            Task shutdown = _goodbye ??= ShutdownAsync(stream);
            while (!shutdown.IsCompleted && !State.IsClosed && Cause.Fault is null)
            {
                // It waits for a peer that does not read; a close and a limit must not.
                await WakeSignal.WaitAsync().ConfigureAwait(false);
            }

            if (!shutdown.IsCompleted)
            {
                Abort();
            }

            await shutdown.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Settings.Logger.CompleteFailed(exception, Id);
        }
    }

    // For who has taken the pipe and completes its output, while it may go on reading.
    private async Task SayGoodbyeAsync(SslStream stream)
    {
        try
        {
            await (_goodbye ??= ShutdownAsync(stream)).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // The peer is gone, which completing an output does not tell.
            Settings.Logger.CompleteFailed(exception, Id);
        }
    }

    private async Task ShutdownAsync(SslStream stream)
    {
        try
        {
            await stream.ShutdownAsync().ConfigureAwait(false);
        }
        finally
        {
            Wake();
        }
    }
}
