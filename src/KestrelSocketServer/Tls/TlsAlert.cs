namespace KestrelSocketServer.Tls;

/// <summary>Why a handshake is refused, in the words of TLS.</summary>
internal enum TlsAlert : byte
{
    BadCertificate = 42,
    UnsupportedCertificate = 43,
    CertificateRevoked = 44,
    CertificateExpired = 45,
    UnknownAuthority = 48,
    InternalError = 80,
    UnrecognizedName = 112,
}
