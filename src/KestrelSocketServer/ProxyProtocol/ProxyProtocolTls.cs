namespace KestrelSocketServer;

/// <summary>How the client's connection to the proxy was encrypted, as the proxy tells it (PP2_TYPE_SSL, row G17).</summary>
public sealed class ProxyProtocolTls
{
    /// <summary>Whether the client used TLS.</summary>
    public bool IsUsed { get; init; }

    /// <summary>Whether the client presented a certificate, on this connection or earlier in the same TLS session.</summary>
    public bool HasClientCertificate { get; init; }

    /// <summary>Whether the proxy has verified the certificate that the client presented.</summary>
    public bool IsClientCertificateVerified { get; init; }

    /// <summary>The version, such as <c>TLSv1.3</c>; null where the proxy does not tell.</summary>
    public string? Version { get; init; }

    /// <summary>The common name of the client's certificate; null where the proxy does not tell.</summary>
    public string? CommonName { get; init; }

    /// <summary>The cipher suite, by the name that the proxy gives it, such as <c>TLS_AES_256_GCM_SHA384</c>; null where the proxy does not tell.</summary>
    public string? CipherSuite { get; init; }
}
