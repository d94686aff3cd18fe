using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Tls;

/// <summary>One handshake, and what is known of it before it is over.</summary>
internal sealed class HandshakeAttempt(ClientCertificatePolicy clients)
{
    private byte[]? _judged;
    private Exception? _reason;

    /// <summary>What tells the client why it fails, where nobody else does.</summary>
    public TlsAlert? Alert { get; private set; }

    /// <summary>Why it has failed, which may be known better than by the exception that ended it.</summary>
    public Exception ReasonOf(Exception exception)
        => _reason ?? (OpenSslErrors.IsMissingCertificate(exception) ? new AuthenticationException(ClientCertificateFault.Missing.Message, exception) : exception);

    /// <summary>Has a client's certificate judged inside the handshake, where that can be.</summary>
    /// <returns>To be called when the handshake is under way, before the client's certificate is read.</returns>
    public Action? StartHook()
        => clients is { IsAsking: true, IsOnDemand: false } && OperatingSystem.IsLinux() ? ClientCertificateHook.Start(clients.IsRequired, Judge) : null;

    /// <summary>Asks the client for a certificate, now or later, where the endpoint wants one.</summary>
    public void Apply(SslServerAuthenticationOptions options)
    {
        if (clients.IsAsking)
        {
            options.ClientCertificateRequired = !clients.IsOnDemand;
            options.CertificateChainPolicy = clients.CreateChainPolicy();
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsAccepted(certificate as X509Certificate2, chain, errors);
        }
    }

    /// <summary>The endpoint has no answer for the client.</summary>
    public void Refuse(Exception reason, TlsAlert alert)
    {
        _reason = reason;
        Alert = alert;
    }

    private TlsAlert? Judge(X509Certificate2 certificate, X509Certificate2Collection others)
    {
        try
        {
            ClientCertificateFault? fault = clients.FindFault(certificate, others);
            _judged = certificate.RawData;
            Note(fault);
            return fault?.Alert;
        }
        catch (Exception exception)
        {
            _reason = exception;
            return TlsAlert.InternalError;
        }
    }

    // Nobody is asked twice about the same certificate.
    private bool IsAccepted(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_judged is null || certificate is null || !_judged.AsSpan().SequenceEqual(certificate.RawDataMemory.Span))
        {
            Note(clients.FindFault(certificate, chain, errors));
        }

        return _reason is null;
    }

    private void Note(ClientCertificateFault? fault) => _reason = fault is null ? null : new AuthenticationException(fault.Message);
}
