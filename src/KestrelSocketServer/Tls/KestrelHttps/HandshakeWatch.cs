using System.Diagnostics;
using System.IO.Pipelines;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.Tls.KestrelHttps;

/// <summary>
/// Finds out why a TLS handshake of Kestrel's own failed. Its middleware tells that only its log, so the watch listens there: the log is
/// written synchronously in the flow of the connection.
/// </summary>
internal sealed class HandshakeWatch(ConnectionContext connection, TlsObserver observer)
{
    private const int RecordSize = 16 * 1024;
    private static readonly AsyncLocal<HandshakeWatch?> Current = new();

    private readonly HandshakeTurn? _turn = observer.Turns?.Create(connection);
    private readonly long _started = Stopwatch.GetTimestamp();
    private Exception? _failure;
    private bool _timedOut;
    private bool _established;

    private TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    // Kestrel knows what its middleware gives up by a cancellation, which is a reset or an abort where the connection has failed.
    private Exception? Failure => !_timedOut ? _failure : connection.Features.GetRequiredFeature<IConnectionControl>().Failure switch
    {
        null when _turn is { IsWaiting: true } => _turn.OnTimedOut(),
        null => new TimeoutException($"The TLS handshake was not completed within {Elapsed.TotalSeconds:0.0} s."),

        // The server itself has ended the connection, as it does when it stops: nothing has failed.
        ConnectionAbortedException => null,
        Exception failure => failure,
    };

    /// <summary>Kestrel's TLS has written to its log.</summary>
    public static void OnLogged(string? eventName, Exception? exception) => Current.Value?.OnEvent(eventName, exception);

    /// <summary>Runs a pipeline with Kestrel's TLS in it, and reports its handshake: how long it took, and why it failed, if it did.</summary>
    public async Task RunAsync(ConnectionDelegate next)
    {
        IDuplexPipe transport = connection.Transport;
        var stream = new TlsTransportStream(transport) { HelloReceived = _turn is null ? null : _turn.WaitAsync };
        PipeReader input = PipeReader.Create(
            stream, new StreamPipeReaderOptions(bufferSize: RecordSize, leaveOpen: true, useZeroByteReads: true));
        PipeWriter output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        connection.Features.Set<IEndOfTransport>(stream);
        connection.Transport = new StreamPipe(input, output);
        Current.Value = this;
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        catch (Exception exception) when (!_established)
        {
            _failure = exception;
        }
        finally
        {
            connection.Transport = transport;
            await input.CompleteAsync().ConfigureAwait(false);
        }

        if (Failure is { } failure)
        {
            observer.OnEnded(connection, Elapsed, failure);
        }

        _turn?.Dispose();
    }

    private void OnEvent(string? eventName, Exception? exception)
    {
        switch (eventName)
        {
            case "HttpsConnectionEstablished":
                _established = true;
                Current.Value = null;
                _turn?.Dispose();
                observer.OnEnded(connection, Elapsed, null);
                break;
            case "AuthenticationFailed":
                _failure = exception;
                break;
            case "AuthenticationTimedOut":
                _timedOut = true;
                break;
        }
    }

    private sealed record StreamPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
