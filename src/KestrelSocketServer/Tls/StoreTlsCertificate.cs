using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer.Tls;

internal sealed class StoreTlsCertificate(string subject, string storeName, StoreLocation location, bool allowInvalid) : TlsCertificate
{
    internal override ICertificateSource Open(string basePath, CertificateSources sources)
        => sources.GetOrAdd((subject, storeName, location, allowInvalid), () => new Source(subject, storeName, location, allowInvalid, sources.TimeProvider));

    private sealed class Source(string subject, string storeName, StoreLocation location, bool allowInvalid, TimeProvider timeProvider) : ICertificateSource
    {
        private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

        private readonly Lock _lock = new();
        private SslStreamCertificateContext? _context;
        private long _foundAt;

        public SslStreamCertificateContext? Last => _context;

        public SslStreamCertificateContext Get()
        {
            lock (_lock)
            {
                if (_context is null || timeProvider.GetElapsedTime(_foundAt) > Lifetime)
                {
                    X509Certificate2 found = CertificateLoader.LoadFromStoreCert(subject, storeName, location, allowInvalid);
                    if (!found.Equals(_context?.TargetCertificate))
                    {
                        _context = SslStreamCertificateContext.Create(found, additionalCertificates: null);
                    }

                    _foundAt = timeProvider.GetTimestamp();
                }

                return _context!;
            }
        }
    }
}
