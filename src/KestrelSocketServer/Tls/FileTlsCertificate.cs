using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls;

internal sealed class FileTlsCertificate(string path, string? keyPath, string? passphrase) : TlsCertificate
{
    internal override ICertificateSource Open(string basePath, CertificateSources sources)
    {
        string fullPath = Path.GetFullPath(path, basePath);
        string? fullKeyPath = keyPath is null ? null : Path.GetFullPath(keyPath, basePath);
        return sources.GetOrAdd((fullPath, fullKeyPath, passphrase), () => new Source(fullPath, fullKeyPath, passphrase, sources));
    }

    private sealed class Source : ICertificateSource
    {
        private readonly string _path;
        private readonly string? _keyPath;
        private readonly string? _passphrase;
        private readonly TimeProvider _timeProvider;
        private readonly ILogger _logger;
        private readonly FileCache<SslStreamCertificateContext> _cache;

        public Source(string path, string? keyPath, string? passphrase, CertificateSources sources)
        {
            _path = path;
            _keyPath = keyPath;
            _passphrase = passphrase;

            // Not the sources: they change with the endpoint's options, and this one may outlive them.
            _timeProvider = sources.TimeProvider;
            _logger = sources.Logger;
            _cache = new FileCache<SslStreamCertificateContext>(path, keyPath, Load);
        }

        public SslStreamCertificateContext? Last => _cache.Last;

        public SslStreamCertificateContext Get() => _cache.Get();

        private SslStreamCertificateContext Load()
        {
            byte[] content = File.ReadAllBytes(_path);
            try
            {
                DateTime now = _timeProvider.GetUtcNow().UtcDateTime;
                (X509Certificate2 certificate, X509Certificate2Collection all) = FindCertificates(content) is { } certificates
                    ? (AddKey(certificates, content, now), certificates)
                    : LoadPkcs12(content);
                var chain = CertificateChain.Create(certificate, all, now);
                _logger.CertificatesNotSent(chain, $"'{_path}'");
                return chain.Context;
            }
            finally
            {
                CryptographicOperations.ZeroMemory(content);
            }
        }

        // Null where the file is neither PEM nor a certificate in DER.
        private X509Certificate2Collection? FindCertificates(byte[] content)
        {
            if (PemText.From(content) is { } text)
            {
                return PemText.ReadCertificates(text, _path);
            }

            try
            {
                return [X509CertificateLoader.LoadCertificate(content)];
            }
            catch (CryptographicException)
            {
                return null;
            }
        }

        private X509Certificate2 AddKey(X509Certificate2Collection certificates, byte[] content, DateTime now)
        {
            if (_keyPath is null)
            {
                return PemPrivateKey.AddTo(certificates, content, _path, _passphrase, now);
            }

            byte[] key = File.ReadAllBytes(_keyPath);
            try
            {
                return PemPrivateKey.AddTo(certificates, key, _keyPath, _passphrase, now);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }
        }

        private (X509Certificate2, X509Certificate2Collection) LoadPkcs12(byte[] content)
        {
            X509Certificate2Collection found;
            try
            {
                found = X509CertificateLoader.LoadPkcs12Collection(content, _passphrase);
            }
            catch (CryptographicException exception)
            {
                string fault = FindUnreadableKey(content) ?? $"'{_path}' is no PEM file, and as a PKCS#12 file it cannot be read with "
                    + $"{PemPrivateKey.Describe(_passphrase)}: {exception.Message}";
                throw new CryptographicException(fault, exception);
            }

            X509Certificate2 certificate = found.FirstOrDefault(candidate => candidate.HasPrivateKey)
                ?? throw new CryptographicException($"There is no certificate with a private key in '{_path}'.");
            return (certificate, found);
        }

        // With the right passphrase all can be read but the keys that are not supported.
        private string? FindUnreadableKey(byte[] content)
        {
            try
            {
                var limits = new Pkcs12LoaderLimits { IgnorePrivateKeys = true };
                X509Certificate2Collection certificates = X509CertificateLoader.LoadPkcs12Collection(
                    content, _passphrase, X509KeyStorageFlags.DefaultKeySet, limits);
                string? unsupported = KeyType.FindUnsupported(certificates);
                return unsupported is null ? null : $"The private key in '{_path}' cannot be used: {unsupported}.";
            }
            catch (CryptographicException)
            {
                return null;
            }
        }
    }
}
