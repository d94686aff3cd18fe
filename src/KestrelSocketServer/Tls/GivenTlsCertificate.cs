using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer;

internal sealed class GivenTlsCertificate(X509Certificate2 certificate, X509Certificate2Collection? chain) : TlsCertificate
{
    internal override ICertificateSource Open(string basePath, CertificateSources sources) => new Source(certificate, chain);

    private sealed class Source(X509Certificate2 certificate, X509Certificate2Collection? chain) : ICertificateSource
    {
        private readonly Lazy<SslStreamCertificateContext> _context = new(() => SslStreamCertificateContext.Create(certificate, chain, offline: true));

        public SslStreamCertificateContext? Last => _context.IsValueCreated ? _context.Value : null;

        public SslStreamCertificateContext Get() => _context.Value;
    }
}
