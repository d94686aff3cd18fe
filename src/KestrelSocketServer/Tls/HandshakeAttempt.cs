using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer;

/// <summary>One handshake, and what is known of it before it is over.</summary>
internal sealed class HandshakeAttempt(ClientCertificatePolicy clients)
{
    private byte[]? _judged;

    /// <summary>Why it fails, known better than by the exception that ends it.</summary>
    public Exception? Reason { get; private set; }

    /// <summary>What tells the client why it fails, where nobody else does.</summary>
    public TlsAlert? Alert { get; private set; }

    /// <summary>Has a client's certificate judged inside the handshake, where that can be.</summary>
    /// <returns>To be called when the handshake is under way, before the client's certificate is read.</returns>
    public Action? StartHook()
        => clients.IsAsking && OperatingSystem.IsLinux() ? ClientCertificateHook.Start(clients.IsRequired, Judge) : null;

    /// <summary>Asks the client for a certificate, where the endpoint wants one.</summary>
    public void Apply(SslServerAuthenticationOptions options)
    {
        if (clients.IsAsking)
        {
            options.ClientCertificateRequired = true;
            options.CertificateChainPolicy = clients.CreateChainPolicy();
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsAccepted(certificate as X509Certificate2, chain, errors);
        }
    }

    /// <summary>The endpoint has no answer for the client.</summary>
    public void Refuse(Exception reason, TlsAlert alert)
    {
        Reason = reason;
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
            Reason = exception;
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

        return Reason is null;
    }

    private void Note(ClientCertificateFault? fault) => Reason = fault is null ? null : new AuthenticationException(fault.Message);
}
