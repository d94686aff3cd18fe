using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Tls;

internal static class CertificateExtensions
{
    public static bool IsValidAt(this X509Certificate2 certificate, DateTime now)
        => certificate.NotBefore.ToUniversalTime() <= now && now <= certificate.NotAfter.ToUniversalTime();

    public static bool HasSameContentAs(this X509Certificate2 certificate, X509Certificate2 other)
        => certificate.RawDataMemory.Span.SequenceEqual(other.RawDataMemory.Span);

    /// <summary>Whether one names the other as its issuer. What it was signed with is not looked at.</summary>
    public static bool IsIssuedBy(this X509Certificate2 certificate, X509Certificate2 issuer)
    {
        // By the text, as the same name can be encoded in several ways.
        if (!string.Equals(certificate.Issuer, issuer.Subject, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        ReadOnlyMemory<byte>? named = certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>()
            .FirstOrDefault()?.KeyIdentifier;
        ReadOnlyMemory<byte>? own = issuer.Extensions.OfType<X509SubjectKeyIdentifierExtension>()
            .FirstOrDefault()?.SubjectKeyIdentifierBytes;
        return named is null || own is null || named.Value.Span.SequenceEqual(own.Value.Span);
    }
}
