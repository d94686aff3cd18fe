using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls;

internal sealed class X509TlsCertificate(X509Certificate2 certificate, X509Certificate2Collection? chain) : TlsCertificate
{
    internal override ICertificateSource Open(string basePath, CertificateSources sources) => new Source(certificate, chain, sources);

    private sealed class Source : ICertificateSource
    {
        private readonly Lazy<SslStreamCertificateContext> _context;

        public Source(X509Certificate2 certificate, X509Certificate2Collection? chain, CertificateSources sources)
        {
            TimeProvider timeProvider = sources.TimeProvider;
            ILogger logger = sources.Logger;
            _context = new Lazy<SslStreamCertificateContext>(() => Create(certificate, chain, timeProvider, logger));
        }

        public SslStreamCertificateContext? Last => _context.IsValueCreated ? _context.Value : null;

        public SslStreamCertificateContext Get() => _context.Value;

        private static SslStreamCertificateContext Create(
            X509Certificate2 certificate, X509Certificate2Collection? issuers, TimeProvider timeProvider, ILogger logger)
        {
            if (issuers is null)
            {
                return SslStreamCertificateContext.Create(certificate, null, offline: true);
            }

            var chain = CertificateChain.Create(certificate, issuers, timeProvider.GetUtcNow().UtcDateTime);
            logger.CertificatesNotSent(chain, $"the chain of {certificate.Subject}");
            return chain.Context;
        }
    }
}
