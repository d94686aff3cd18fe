using System.Security.Cryptography.X509Certificates;
using KestrelSocketServer.Tls;

namespace KestrelSocketServer;

/// <summary>
/// Where the certificate of a server comes from. Nothing is read before the first client begins its handshake (row T3);
/// what was read is used until its source changes.
/// </summary>
public abstract class TlsCertificate
{
    private protected TlsCertificate()
    {
    }

    /// <summary>
    /// A file, which each handshake looks at: a changed file is used from the next handshake on, without a restart (row T3).
    /// </summary>
    /// <param name="path">
    /// A PEM file with the certificate, those of its issuers, and the private key unless <paramref name="keyPath"/> has it
    /// (row T1), in any order (row T16); or a PKCS#12 file; or a certificate in DER. Relative to the content root of the host.
    /// </param>
    /// <param name="keyPath">A file with the private key, PEM or DER: an RSA or EC key (row T17).</param>
    /// <param name="passphrase">The passphrase of the private key, or of the PKCS#12 file (row T2).</param>
    /// <returns>The certificate.</returns>
    /// <exception cref="ArgumentException">A path is empty.</exception>
    public static TlsCertificate FromFile(string path, string? keyPath = null, string? passphrase = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (keyPath is not null)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(keyPath);
        }

        return new FileTlsCertificate(path, keyPath, passphrase);
    }

    /// <summary>A certificate at hand.</summary>
    /// <param name="certificate">The certificate, with its private key. It is not disposed of.</param>
    /// <param name="chain">
    /// The certificates of its issuers, to be sent along, but for a root (row T18). Where it is null they are looked for in the
    /// system's stores.
    /// </param>
    /// <returns>The certificate.</returns>
    /// <exception cref="ArgumentException">The certificate has no private key.</exception>
    public static TlsCertificate From(X509Certificate2 certificate, X509Certificate2Collection? chain = null)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        if (!certificate.HasPrivateKey)
        {
            throw new ArgumentException($"The certificate {certificate.Subject} has no private key, which a server needs.", nameof(certificate));
        }

        return new X509TlsCertificate(certificate, chain);
    }

    /// <summary>
    /// The certificate of a store that is valid the longest, looked for again every minute, so that a renewed one is found.
    /// </summary>
    /// <param name="subject">The subject, or a part of it.</param>
    /// <param name="storeName">The name of the store.</param>
    /// <param name="location">The location of the store.</param>
    /// <param name="allowInvalid">Whether one that is not valid, such as a self-signed one, will do.</param>
    /// <returns>The certificate.</returns>
    /// <exception cref="ArgumentException">The subject is empty.</exception>
    public static TlsCertificate FromStore(
        string subject, StoreName storeName = StoreName.My, StoreLocation location = StoreLocation.CurrentUser, bool allowInvalid = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(subject);

        return new StoreTlsCertificate(subject, storeName.ToString(), location, allowInvalid);
    }

    /// <summary>Starts to use it for an endpoint; reads nothing.</summary>
    /// <param name="basePath">What relative paths are relative to.</param>
    /// <param name="sources">Those of the endpoint, to which it is added.</param>
    internal abstract ICertificateSource Open(string basePath, CertificateSources sources);
}
