using System.Diagnostics;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>
/// Finds out why a TLS handshake of Kestrel's own failed. Its middleware tells that only its log, so the watch listens there: the log is
/// written synchronously in the flow of the connection.
/// </summary>
internal sealed class HandshakeWatch(ConnectionContext connection, Action<ConnectionContext, TimeSpan, Exception?> onEnded)
{
    private static readonly AsyncLocal<HandshakeWatch?> Current = new();

    private readonly EncryptedTransport _transport = new(connection.Transport);
    private readonly long _started = Stopwatch.GetTimestamp();
    private Exception? _failure;
    private bool _timedOut;
    private bool _established;

    /// <summary>Runs a pipeline with Kestrel's TLS in it.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="next">The pipeline.</param>
    /// <param name="onEnded">Called once, with how long the handshake took and why it failed, if it did.</param>
    public static async Task RunAsync(ConnectionContext connection, ConnectionDelegate next, Action<ConnectionContext, TimeSpan, Exception?> onEnded)
    {
        var watch = new HandshakeWatch(connection, onEnded);
        Current.Value = watch;
        await watch.RunAsync(next).ConfigureAwait(false);
    }

    /// <summary>Kestrel's TLS has written to its log.</summary>
    public static void OnLogged(string? eventName, Exception? exception) => Current.Value?.OnEvent(eventName, exception);

    private TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    private async Task RunAsync(ConnectionDelegate next)
    {
        connection.Features.Set<IEndOfTransport>(_transport);
        connection.Transport = _transport;
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        catch (Exception exception) when (!_established)
        {
            _failure = exception;
        }

        if (FindFailure() is { } failure)
        {
            onEnded(connection, Elapsed, failure);
        }
    }

    private Exception? FindFailure()
    {
        if (!_timedOut)
        {
            return _failure;
        }

        try
        {
            _transport.ThrowIfFailed();
        }
        catch (ConnectionAbortedException)
        {
            // The server itself has ended the connection, as it does when it stops: nothing has failed.
            return null;
        }
        catch (IOException exception)
        {
            return exception;
        }

        return new TimeoutException($"The TLS handshake was not completed within {Elapsed.TotalSeconds:0.0} s.");
    }

    private void OnEvent(string? eventName, Exception? exception)
    {
        switch (eventName)
        {
            case "HttpsConnectionEstablished":
                _established = true;
                Current.Value = null;
                onEnded(connection, Elapsed, null);
                break;
            case "AuthenticationFailed":
                _failure = exception;
                break;
            case "AuthenticationTimedOut":
                _timedOut = true;
                break;
        }
    }
}
