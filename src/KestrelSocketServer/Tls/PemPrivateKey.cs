using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Tls;

/// <summary>Reads the private keys of a file, and finds the certificate that one belongs to.</summary>
internal static class PemPrivateKey
{
    private const string Supported = "RSA and EC (ECDSA) keys are supported";

    /// <summary>The first certificate, one that is valid if there is any, whose private key is in a file, with that key.</summary>
    /// <param name="certificates">The certificates, in any order.</param>
    /// <param name="content">The file with the key, PEM or DER.</param>
    /// <param name="path">The path of that file.</param>
    /// <param name="passphrase">The passphrase of the key.</param>
    /// <param name="now">The time for which certificates are to be valid.</param>
    /// <exception cref="CryptographicException">There is none; the message names the path and the cause.</exception>
    public static X509Certificate2 AddTo(
        X509Certificate2Collection certificates, byte[] content, string path, string? passphrase, DateTime now)
    {
        IReadOnlyList<PrivateKey> keys = ReadAll(certificates, content, path, passphrase);
        try
        {
            foreach (X509Certificate2 certificate in certificates.OrderBy(certificate => certificate.IsValidAt(now) ? 0 : 1))
            {
                if (keys.FirstOrDefault(key => key.BelongsTo(certificate)) is { } own)
                {
                    return Persist(own.AddTo(certificate));
                }
            }

            throw new CryptographicException(Explain(keys, certificates, path));
        }
        catch (ArgumentException exception)
        {
            throw new CryptographicException($"The private key in '{path}' does not fit its certificate: {exception.Message}", exception);
        }
        finally
        {
            foreach (PrivateKey key in keys)
            {
                key.Dispose();
            }
        }
    }

    public static string Describe(string? passphrase) => passphrase is null ? "no passphrase" : "the given passphrase";

    private static List<PrivateKey> ReadAll(X509Certificate2Collection certificates, byte[] content, string path, string? passphrase)
    {
        if (PemText.From(content) is not { } text)
        {
            return [Read(certificates, path, () => PrivateKey.Read(content, passphrase))];
        }

        IReadOnlyList<PemBlock> blocks = PemBlock.ReadAll(text);
        if (blocks.FirstOrDefault(block => block is { IsPrivateKey: true, Content: null }) is { } broken)
        {
            throw new CryptographicException(
                $"There is no complete private key in '{path}': the {broken.Label} in line {broken.Line} is broken, {broken.Fault}.");
        }

        var keys = new List<PrivateKey>();
        foreach (PemBlock block in blocks.Where(block => block.IsPrivateKey))
        {
            if (block.Label == "OPENSSH PRIVATE KEY")
            {
                throw new CryptographicException(
                    $"The private key in '{path}' has a form of OpenSSH's own, which is not supported; convert it (ssh-keygen -p -m PEM).");
            }

            keys.Add(Read(certificates, path, () => TraditionalPem.From(block) is { } encrypted
                ? EncryptedPrivateKey.Read(encrypted, passphrase)
                : PrivateKey.Read(block.Content!, passphrase)));
        }

        return keys.Count > 0
            ? keys
            : throw new CryptographicException($"There is no complete private key in '{path}'{PemText.ListLabels(blocks)}.");
    }

    private static PrivateKey Read(X509Certificate2Collection certificates, string path, Func<PrivateKey> read)
    {
        try
        {
            return read();
        }
        catch (PassphraseException exception)
        {
            // A type that is not supported looks like a wrong passphrase as long as the key is encrypted.
            string? unsupported = exception.InnerException is null ? null : KeyType.FindUnsupported(certificates);
            string hint = unsupported is null ? "" : $" Note that {unsupported}.";
            throw new CryptographicException($"The private key in '{path}' {exception.Message}{hint}", exception);
        }
        catch (Exception exception) when (exception is CryptographicException or AsnContentException)
        {
            throw new CryptographicException($"The private key in '{path}' is broken: {exception.Message}", exception);
        }
    }

    private static string Explain(IReadOnlyList<PrivateKey> keys, X509Certificate2Collection certificates, string path)
    {
        if (keys.FirstOrDefault(key => !key.IsSupported) is { } unsupported)
        {
            return $"The private key in '{path}' is of the type {unsupported.Type}, which is not supported; {Supported}.";
        }

        string which = certificates.Count == 1
            ? $"the certificate {certificates[0].Subject}"
            : $"any of the certificates {string.Join("; ", certificates.Select(certificate => certificate.Subject))}";
        string types = string.Join(", ", keys.Select(key => key.Type).Distinct());
        return $"The private key in '{path}' ({types}) does not belong to {which}.";
    }

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
