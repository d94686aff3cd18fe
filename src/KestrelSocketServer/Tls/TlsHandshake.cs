using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>Answers Kestrel's question, at each handshake, how the endpoint does TLS.</summary>
internal sealed class TlsHandshake
{
    private readonly SocketTlsOptions _options;
    private readonly ServerCertificates _certificates;
    private readonly ClientCertificatePolicy _clients;
    private readonly CipherSuitesPolicy? _ciphers;
    private readonly Action<SocketServerError>? _onError;
    private readonly ILogger _logger;
    private string? _lastFault;

    public TlsHandshake(SocketTlsOptions options, string basePath, CertificateSources sources, Action<SocketServerError>? onError, ILogger logger)
    {
        _options = options;
        _certificates = new ServerCertificates(options, basePath, sources);
        _clients = new ClientCertificatePolicy(options, basePath);
        _ciphers = OperatingSystem.IsWindows() || options.CipherSuites.Count == 0 ? null : new CipherSuitesPolicy(options.CipherSuites);
        _onError = onError;
        _logger = logger;
    }

    /// <exception cref="AuthenticationException">A certificate cannot be had.</exception>
    public ValueTask<SslServerAuthenticationOptions> OnConnection(TlsHandshakeCallbackContext context)
    {
        HandshakeWatch? watch = context.Connection.Features.Get<HandshakeWatch>();
        if (context.Connection.Features.Get<EncryptedTransport>() is { } transport)
        {
            transport.RequiresCloseNotify = _options.RequireCloseNotify;
        }

        try
        {
            return ValueTask.FromResult(CreateOptions(context.ClientHelloInfo.ServerName, context.Connection, watch));
        }
        catch (Exception exception)
        {
            LogFault(exception);
            if (watch is not null)
            {
                watch.Reason = exception;
            }

            // Kestrel ends a connection in order only for what it takes for a failed handshake.
            throw new AuthenticationException(exception.Message, exception);
        }
    }

    private SslServerAuthenticationOptions CreateOptions(string? hostName, ConnectionContext connection, HandshakeWatch? watch)
    {
        (SslStreamCertificateContext certificate, Exception? fault) = _certificates.Get(hostName);
        if (fault is null)
        {
            _lastFault = null;
        }
        else if (LogFault(fault))
        {
            _onError?.Invoke(new SocketServerError(SocketServerErrorStage.Certificate, fault, connection.ConnectionId, connection.RemoteEndPoint));
        }

        var server = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate,
            EnabledSslProtocols = _options.Protocols,
            ApplicationProtocols = [.. _options.ApplicationProtocols],
            CipherSuitesPolicy = _ciphers,
        };
        _clients.Apply(server, watch);
        return server;
    }

    // A fault is logged when it comes up, and not for every client that meets it. What a client asks for is no fault of ours.
    private bool LogFault(Exception exception)
    {
        if (exception is AuthenticationException || Interlocked.Exchange(ref _lastFault, exception.Message) == exception.Message)
        {
            return false;
        }

        _logger.CertificateFailed(exception);
        return true;
    }
}
