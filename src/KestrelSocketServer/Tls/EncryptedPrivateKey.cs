using System.Formats.Asn1;
using System.Security.Cryptography;

namespace KestrelSocketServer.Tls;

/// <summary>Reads private keys that are encrypted: as PKCS#8, or in OpenSSL's traditional way.</summary>
internal static class EncryptedPrivateKey
{
    // What the framework decrypts (PBES1 and PBES2).
    private static readonly HashSet<string> KnownAlgorithms =
    [
        "1.2.840.113549.1.5.3", "1.2.840.113549.1.5.6", "1.2.840.113549.1.5.10", "1.2.840.113549.1.5.11",
        "1.2.840.113549.1.12.1.3", "1.2.840.113549.1.12.1.4", "1.2.840.113549.1.12.1.5", "1.2.840.113549.1.12.1.6",
        "1.2.840.113549.1.5.12", "1.2.840.113549.1.5.13",
        "1.2.840.113549.2.7", "1.2.840.113549.2.9", "1.2.840.113549.2.10", "1.2.840.113549.2.11",
        "2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.22", "2.16.840.1.101.3.4.1.42",
        "1.2.840.113549.3.7", "1.2.840.113549.3.2", "1.3.14.3.2.7",
    ];

    /// <summary>Reads one that is encrypted as PKCS#8.</summary>
    /// <exception cref="PassphraseException">It cannot be decrypted.</exception>
    public static PrivateKey Read(byte[] der, string? passphrase)
    {
        CheckAlgorithms(new AsnReader(der, AsnEncodingRules.BER).ReadSequence().ReadSequence());
        return Decrypt(passphrase, secret =>
        {
            // What type it has is known when it is decrypted.
            try
            {
                return PrivateKey.Of(RSA.Create(), rsa => rsa.ImportEncryptedPkcs8PrivateKey(secret, der, out _));
            }
            catch (CryptographicException)
            {
                return PrivateKey.Of(ECDsa.Create(), ec => ec.ImportEncryptedPkcs8PrivateKey(secret, der, out _));
            }
        });
    }

    /// <summary>Reads one that is encrypted in OpenSSL's traditional way.</summary>
    /// <exception cref="PassphraseException">It cannot be decrypted.</exception>
    public static PrivateKey Read(TraditionalPem key, string? passphrase)
    {
        if (!key.IsSupported)
        {
            throw new PassphraseException(Unsupported(key.Cipher));
        }

        return Decrypt(passphrase, secret => PrivateKey.Read(key.Decrypt(secret), secret));
    }

    private static PrivateKey Decrypt(string? passphrase, Func<string, PrivateKey> read)
    {
        if (passphrase is null)
        {
            throw new PassphraseException("is encrypted, and no passphrase was given.");
        }

        try
        {
            return read(passphrase);
        }
        catch (Exception exception) when (exception is CryptographicException or AsnContentException)
        {
            throw new PassphraseException("cannot be decrypted with the given passphrase as an RSA or EC key.", exception);
        }
    }

    private static void CheckAlgorithms(AsnReader algorithm)
    {
        while (algorithm.HasData)
        {
            Asn1Tag tag = algorithm.PeekTag();
            if (tag.HasSameClassAndValue(Asn1Tag.Sequence))
            {
                CheckAlgorithms(algorithm.ReadSequence());
            }
            else if (!tag.HasSameClassAndValue(Asn1Tag.ObjectIdentifier))
            {
                algorithm.ReadEncodedValue();
            }
            else if (algorithm.ReadObjectIdentifier() is { } oid && !KnownAlgorithms.Contains(oid))
            {
                throw new PassphraseException(Unsupported(KeyType.NameOf(oid)));
            }
        }
    }

    private static string Unsupported(string cipher)
        => $"is encrypted by {cipher}, which is not supported; encrypt it anew with AES (openssl pkcs8 -topk8 -v2 aes-256-cbc).";
}
