using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.Tls;

/// <summary>Shakes hands with the clients of an endpoint.</summary>
internal sealed class TlsHandshake
{
    private readonly SocketTlsOptions _options;
    private readonly ServerCertificates _certificates;
    private readonly ClientCertificatePolicy _clients;
    private readonly CipherSuitesPolicy? _ciphers;
    private readonly TlsObserver _observer;
    private readonly TimeProvider _timeProvider;
    private string? _lastFault;

    public TlsHandshake(SocketTlsOptions options, string basePath, CertificateSources sources, TlsObserver observer)
    {
        _options = options;
        _certificates = new ServerCertificates(options, basePath, sources);
        _clients = new ClientCertificatePolicy(options, basePath);
        _ciphers = OperatingSystem.IsWindows() || options.CipherSuites.Count == 0 ? null : new CipherSuitesPolicy(options.CipherSuites);
        _observer = observer;
        _timeProvider = sources.TimeProvider;
    }

    /// <summary>Shakes hands over a pipe of a connection: its transport, or what is in the place of it by now.</summary>
    /// <returns>What is inside, which the features tell from now on; null when the handshake has failed, which was reported.</returns>
    public async Task<TlsSession?> RunAsync(ConnectionContext connection, IDuplexPipe pipe)
    {
        long started = _timeProvider.GetTimestamp();
        var transport = new TlsTransportStream(pipe) { RequiresCloseNotify = _options.RequireCloseNotify };
        var stream = new SslStream(transport);
        Exception? failure = await TryAsync(connection, transport, stream, pipe.Output).ConfigureAwait(false);
        if (failure is null)
        {
            var session = new TlsSession(stream, transport, _clients.IsOnDemand, connection.Features.Get<IMemoryPoolFeature>()?.MemoryPool);
            session.AddTo(connection.Features);
            _observer.OnEnded(connection, _timeProvider.GetElapsedTime(started), null);
            return session;
        }

        await stream.DisposeAsync().ConfigureAwait(false);
        if ((connection.Features.Get<IConnectionControl>()?.Failure ?? failure) is not ConnectionAbortedException)
        {
            // Else the server itself has ended the connection, as it does when it stops: nothing has failed.
            _observer.OnEnded(connection, _timeProvider.GetElapsedTime(started), failure);
        }

        return null;
    }

    private async Task<Exception?> TryAsync(ConnectionContext connection, TlsTransportStream transport, SslStream stream, PipeWriter output)
    {
        var attempt = new HandshakeAttempt(_clients);
        using var timeout = new CancellationTokenSource(_options.HandshakeTimeout, _timeProvider);
        using HandshakeTurn? turn = _observer.Turns?.Create(connection);
        transport.HelloReceived = turn is null ? null : turn.WaitAsync;
        try
        {
            transport.FirstWriting = attempt.StartHook();
            await stream.AuthenticateAsServerAsync(
                (_, hello, _, _) => ValueTask.FromResult(CreateOptions(hello.ServerName, connection, attempt)), null, timeout.Token).ConfigureAwait(false);
            return null;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return turn is { IsWaiting: true } ? turn.OnTimedOut() : new TimeoutException($"The TLS handshake was not completed within {_options.HandshakeTimeout.TotalSeconds:0.0} s.");
        }
        catch (Exception exception)
        {
            if (attempt.Alert is { } alert && !transport.HasWritten)
            {
                await SendAsync(output, alert).ConfigureAwait(false);
            }

            return attempt.ReasonOf(exception);
        }
    }

    // In clear, as everything is before the server has answered.
    private static async ValueTask SendAsync(PipeWriter output, TlsAlert alert)
    {
        try
        {
            byte[] record = [21, 3, 3, 0, 2, 2, (byte)alert];
            await output.WriteAsync(record).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client has left before it was told.
        }
    }

    private SslServerAuthenticationOptions CreateOptions(string? hostName, ConnectionContext connection, HandshakeAttempt attempt)
    {
        try
        {
            (SslStreamCertificateContext certificate, Exception? fault) = _certificates.Get(hostName);
            if (fault is null)
            {
                _lastFault = null;
            }
            else if (LogFault(fault))
            {
                _observer.OnCertificateFailed(connection, fault);
            }

            var server = new SslServerAuthenticationOptions
            {
                ServerCertificateContext = certificate,
                EnabledSslProtocols = _options.SslProtocols,
                ApplicationProtocols = [.. _options.ApplicationProtocols],
                CipherSuitesPolicy = _ciphers,
            };
            attempt.Apply(server);
            return server;
        }
        catch (Exception exception)
        {
            LogFault(exception);
            attempt.Refuse(exception, exception is AuthenticationException ? TlsAlert.UnrecognizedName : TlsAlert.InternalError);
            throw;
        }
    }

    // A fault is logged when it comes up, and not for every client that meets it. What a client asks for is no fault of ours.
    private bool LogFault(Exception exception)
    {
        if (exception is AuthenticationException || Interlocked.Exchange(ref _lastFault, exception.Message) == exception.Message)
        {
            return false;
        }

        _observer.Logger.CertificateFailed(exception);
        return true;
    }
}
