using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer.Tls;

/// <summary>Finds options that cannot work, before anybody connects.</summary>
internal static class SocketTlsOptionsValidator
{
#pragma warning disable CA5397, SYSLIB0039 // Old versions are the user's to allow.
    private const SslProtocols Known = SslProtocols.Tls | SslProtocols.Tls11 | SslProtocols.Tls12 | SslProtocols.Tls13;
#pragma warning restore CA5397, SYSLIB0039

    /// <exception cref="InvalidOperationException">An option cannot work; the message names it and what is allowed.</exception>
    public static void Validate(SocketTlsOptions options, string? endpointName)
    {
        if (FindFault(options) is { } fault)
        {
            throw new InvalidOperationException(endpointName is null ? fault : $"Endpoint '{endpointName}': {fault}");
        }
    }

    /// <summary>What is wrong with the options, null when nothing is.</summary>
    public static string? FindFault(SocketTlsOptions options)
        => FindCertificateFault(options) ?? FindProtocolFault(options) ?? FindClientCertificateFault(options);

    private static string? FindCertificateFault(SocketTlsOptions options)
    {
        if (options.Certificate is null && options.Sni.Count == 0)
        {
            return $"{nameof(options.Certificate)} is missing; TLS needs one, here or in {nameof(options.Sni)}.";
        }

        foreach ((string host, TlsCertificate? certificate) in options.Sni)
        {
            string name = host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host;
            if (Uri.CheckHostName(name) != UriHostNameType.Dns || IPAddress.TryParse(name, out _))
            {
                return $"{nameof(options.Sni)} has '{host}'; allowed are host names such as 'example.com' and '*.example.com' ({nameof(options.Certificate)} serves all others).";
            }

            if (certificate is null)
            {
                return $"{nameof(options.Sni)} has no certificate for '{host}'.";
            }
        }

        return null;
    }

    private static string? FindProtocolFault(SocketTlsOptions options)
    {
        if ((options.SslProtocols & ~Known) != 0)
        {
            return $"{nameof(options.SslProtocols)} is {options.SslProtocols}; allowed are None (the operating system's choice), Tls, Tls11, Tls12 and Tls13.";
        }

        if (options.CipherSuites.Count > 0 && OperatingSystem.IsWindows())
        {
            return $"{nameof(options.CipherSuites)} cannot be set on Windows; use the system's policy.";
        }

        foreach (TlsCipherSuite suite in options.CipherSuites)
        {
            if (!Enum.IsDefined(suite))
            {
                return $"{nameof(options.CipherSuites)} has {suite}, which is no cipher suite; allowed are the names of {nameof(TlsCipherSuite)}, such as {nameof(TlsCipherSuite.TLS_AES_128_GCM_SHA256)}.";
            }
        }

        if (options.ApplicationProtocols.Any(protocol => protocol.Protocol.IsEmpty))
        {
            return $"{nameof(options.ApplicationProtocols)} has an empty name.";
        }

        return options.HandshakeTimeout > TimeSpan.Zero && options.HandshakeTimeout.TotalMilliseconds <= int.MaxValue
            ? null
            : $"{nameof(options.HandshakeTimeout)} is {options.HandshakeTimeout}; it must be more than zero and at most {TimeSpan.FromMilliseconds(int.MaxValue)}.";
    }

    private static string? FindClientCertificateFault(SocketTlsOptions options)
    {
        if (options.ClientCertificateMode is not (ClientCertificateMode.NoCertificate or ClientCertificateMode.AllowCertificate or ClientCertificateMode.RequireCertificate or ClientCertificateMode.DelayCertificate))
        {
            return $"{nameof(options.ClientCertificateMode)} is {options.ClientCertificateMode}; allowed are NoCertificate, AllowCertificate, RequireCertificate and DelayCertificate.";
        }

        if (options.ClientCertificateAuthorities is { } path && string.IsNullOrWhiteSpace(path))
        {
            return $"{nameof(options.ClientCertificateAuthorities)} is '{path}'; give the path of a PEM file, or null.";
        }

        string? useless = options.ClientCertificateMode != ClientCertificateMode.NoCertificate ? null
            : options.ClientCertificateAuthorities is not null ? $"{nameof(options.ClientCertificateAuthorities)} is '{options.ClientCertificateAuthorities}'"
            : options.AllowSelfSignedClientCertificates ? $"{nameof(options.AllowSelfSignedClientCertificates)} is set"
            : options.CheckClientCertificateRevocation ? $"{nameof(options.CheckClientCertificateRevocation)} is set"
            : options.ClientCertificateValidation is not null ? $"{nameof(options.ClientCertificateValidation)} is given"
            : null;
        return useless is null ? null
            : $"{useless}, but {nameof(options.ClientCertificateMode)} is NoCertificate, so that clients are never asked; set it to AllowCertificate, RequireCertificate or DelayCertificate.";
    }
}
