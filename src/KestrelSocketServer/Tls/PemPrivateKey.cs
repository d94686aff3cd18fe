using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer;

/// <summary>Reads the private key of a certificate in PEM: plain, encrypted (PKCS#8), or encrypted in OpenSSL's traditional way.</summary>
internal static class PemPrivateKey
{
    private const string Rsa = "1.2.840.113549.1.1.1";
    private const string RsaPss = "1.2.840.113549.1.1.10";
    private const string Ecc = "1.2.840.10045.2.1";

    /// <exception cref="CryptographicException">There is no key, it is not the certificate's, or the passphrase is not its own; the message names the path.</exception>
    public static X509Certificate2 AddTo(X509Certificate2 certificate, string text, string path, string? passphrase)
    {
        try
        {
            return Persist(certificate.GetKeyAlgorithm() switch
            {
                Rsa or RsaPss => Add(certificate, RSA.Create(), text, path, passphrase, static (c, key) => c.CopyWithPrivateKey(key), ReadTraditionalRsa),
                Ecc => Add(certificate, ECDsa.Create(), text, path, passphrase, static (c, key) => c.CopyWithPrivateKey(key), ReadTraditionalEcc),
                string other => throw new CryptographicException($"The certificate in '{path}' has a key of the algorithm {other}; RSA and ECDSA are supported."),
            });
        }
        catch (ArgumentException exception)
        {
            // What the framework throws for text without a key, and for a key of another certificate.
            throw new CryptographicException($"The private key in '{path}' does not belong to the certificate {certificate.Subject}: {exception.Message}", exception);
        }
    }

    public static string Describe(string? passphrase) => passphrase is null ? "no passphrase" : "the given passphrase";

    private static X509Certificate2 Add<TKey>(
        X509Certificate2 certificate, TKey key, string text, string path, string? passphrase,
        Func<X509Certificate2, TKey, X509Certificate2> add, Action<TKey, byte[]> readTraditional)
        where TKey : AsymmetricAlgorithm
    {
        using (key)
        {
            if (TraditionalPem.Find(text) is { } traditional)
            {
                Decrypt(path, passphrase, secret => readTraditional(key, traditional.Decrypt(secret)));
            }
            else if (Has(text, "ENCRYPTED PRIVATE KEY"))
            {
                Decrypt(path, passphrase, secret => key.ImportFromEncryptedPem(text, secret));
            }
            else if (Has(text, "PRIVATE KEY"))
            {
                ImportPlain(key, text, path);
            }
            else
            {
                throw new CryptographicException($"There is no complete private key in '{path}'.");
            }

            return add(certificate, key);
        }
    }

    private static void ImportPlain(AsymmetricAlgorithm key, string text, string path)
    {
        try
        {
            key.ImportFromPem(text);
        }
        catch (CryptographicException exception)
        {
            throw new CryptographicException($"The private key in '{path}' is broken: {exception.Message}", exception);
        }
    }

    private static void Decrypt(string path, string? passphrase, Action<string> decrypt)
    {
        if (passphrase is null)
        {
            throw new CryptographicException($"The private key in '{path}' is encrypted, and no passphrase was given.");
        }

        try
        {
            decrypt(passphrase);
        }
        catch (CryptographicException exception)
        {
            throw new CryptographicException($"The private key in '{path}' cannot be decrypted with the given passphrase: {exception.Message}", exception);
        }
    }

    private static bool Has(string text, string label)
    {
        ReadOnlySpan<char> rest = text;
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            if (rest[fields.Label].EndsWith(label, StringComparison.Ordinal))
            {
                return true;
            }

            rest = rest[fields.Location.End..];
        }

        return false;
    }

    private static void ReadTraditionalRsa(RSA key, byte[] der) => key.ImportRSAPrivateKey(der, out _);

    private static void ReadTraditionalEcc(ECDsa key, byte[] der) => key.ImportECPrivateKey(der, out _);

    // TLS on Windows does not take keys that live in memory alone.
    private static X509Certificate2 Persist(X509Certificate2 certificate)
    {
        if (!OperatingSystem.IsWindows())
        {
            return certificate;
        }

        using (certificate)
        {
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        }
    }
}
