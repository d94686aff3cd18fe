using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer;

internal sealed class FileTlsCertificate(string path, string? keyPath, string? passphrase) : TlsCertificate
{
    internal override ICertificateSource Open(string basePath, CertificateSources sources)
    {
        string fullPath = Path.GetFullPath(path, basePath);
        string? fullKeyPath = keyPath is null ? null : Path.GetFullPath(keyPath, basePath);
        return sources.GetOrAdd((fullPath, fullKeyPath, passphrase), () => new Source(fullPath, fullKeyPath, passphrase));
    }

    private sealed class Source : ICertificateSource
    {
        private readonly string _path;
        private readonly string? _keyPath;
        private readonly string? _passphrase;
        private readonly FileCache<SslStreamCertificateContext> _cache;

        public Source(string path, string? keyPath, string? passphrase)
        {
            _path = path;
            _keyPath = keyPath;
            _passphrase = passphrase;
            _cache = new FileCache<SslStreamCertificateContext>(path, keyPath, Load);
        }

        public SslStreamCertificateContext? Last => _cache.Last;

        public SslStreamCertificateContext Get() => _cache.Get();

        private SslStreamCertificateContext Load()
        {
            byte[] content = File.ReadAllBytes(_path);
            try
            {
                X509Certificate2Collection chain = PemText.Of(content) is { } text ? LoadPem(text) : LoadPkcs12(content);
                X509Certificate2 certificate = chain[0];
                chain.RemoveAt(0);
                return SslStreamCertificateContext.Create(certificate, chain, offline: true);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(content);
            }
        }

        private X509Certificate2Collection LoadPem(string text)
        {
            X509Certificate2Collection certificates = PemText.ReadCertificates(text, _path);
            string keyText = _keyPath is null ? text : File.ReadAllText(_keyPath);
            certificates[0] = PemPrivateKey.AddTo(certificates[0], keyText, _keyPath ?? _path, _passphrase);
            return certificates;
        }

        // The certificate with the key comes first.
        private X509Certificate2Collection LoadPkcs12(byte[] content)
        {
            X509Certificate2Collection found;
            try
            {
                found = X509CertificateLoader.LoadPkcs12Collection(content, _passphrase);
            }
            catch (CryptographicException exception)
            {
                throw new CryptographicException(
                    $"'{_path}' is no PEM file, and as a PKCS#12 file it cannot be read with {PemPrivateKey.Describe(_passphrase)}: {exception.Message}", exception);
            }

            X509Certificate2 certificate = found.FirstOrDefault(candidate => candidate.HasPrivateKey)
                ?? throw new CryptographicException($"There is no certificate with a private key in '{_path}'.");
            found.Remove(certificate);
            found.Insert(0, certificate);
            return found;
        }
    }
}
