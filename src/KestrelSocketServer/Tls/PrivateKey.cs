using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Tls;

/// <summary>A private key of any form (PKCS#8, PKCS#1, SEC 1), told by its content.</summary>
internal sealed class PrivateKey : IDisposable
{
    private readonly AsymmetricAlgorithm? _key;
    private readonly byte[] _public;

    private PrivateKey(AsymmetricAlgorithm? key, string type)
    {
        _key = key;
        _public = key switch
        {
            RSA rsa => rsa.ExportRSAPublicKey(),
            ECDsa ec => ec.ExportParameters(false).Q.X!,
            _ => [],
        };
        Type = type;
    }

    /// <summary>The name of its type.</summary>
    public string Type { get; }

    /// <summary>Whether TLS can serve with it.</summary>
    public bool IsSupported => _key is not null;

    /// <summary>Reads a key that is not encrypted, or is so as PKCS#8.</summary>
    /// <exception cref="AsnContentException">It is no private key.</exception>
    /// <exception cref="CryptographicException">It is broken.</exception>
    /// <exception cref="PassphraseException">It is encrypted, and cannot be decrypted.</exception>
    public static PrivateKey Read(byte[] der, string? passphrase)
    {
        AsnReader key = new AsnReader(der, AsnEncodingRules.BER).ReadSequence();
        if (key.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence))
        {
            key.ReadSequence();
            return key.HasData && key.PeekTag().HasSameClassAndValue(Asn1Tag.PrimitiveOctetString)
                ? EncryptedPrivateKey.Read(der, passphrase)
                : throw new CryptographicException("it is no private key.");
        }

        key.ReadInteger();
        Asn1Tag second = key.PeekTag();
        if (second.HasSameClassAndValue(Asn1Tag.Sequence))
        {
            AsnReader algorithm = key.ReadSequence();
            return ReadPkcs8(der, algorithm.ReadObjectIdentifier(), algorithm);
        }

        if (second.HasSameClassAndValue(Asn1Tag.PrimitiveOctetString))
        {
            key.ReadOctetString();
            AsnReader? curve = key.HasData && key.PeekTag().TagValue == 0 ? key.ReadSequence(key.PeekTag()) : null;
            return ReadEc(ec => ec.ImportECPrivateKey(der, out _), curve);
        }

        // A DSA key is a version and five numbers, an RSA key a version and eight.
        return CountIntegers(key) < 8
            ? new PrivateKey(null, KeyType.NameOf(KeyType.Dsa))
            : Of(RSA.Create(), rsa => rsa.ImportRSAPrivateKey(der, out _));
    }

    /// <summary>A key by what imports it.</summary>
    /// <exception cref="CryptographicException">The import fails.</exception>
    public static PrivateKey Of<TKey>(TKey key, Action<TKey> import)
        where TKey : AsymmetricAlgorithm
    {
        try
        {
            import(key);
            if (key is ECDsa ec && ec.ExportParameters(false).Curve.Oid?.Value == KeyType.Sm2)
            {
                // The framework reads it, but has no certificates for it.
                key.Dispose();
                return OfCurve(KeyType.Sm2);
            }

            return new PrivateKey(key, KeyType.NameOf(key is RSA ? KeyType.Rsa : KeyType.Ec));
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>Whether it is the key of a certificate.</summary>
    public bool BelongsTo(X509Certificate2 certificate)
    {
        ReadOnlySpan<byte> publicKey = certificate.PublicKey.EncodedKeyValue.RawData;
        return (_key, certificate.GetKeyAlgorithm()) switch
        {
            (RSA, KeyType.Rsa) => publicKey.SequenceEqual(_public),

            // A point begins with its form, and X; Y, or its sign, follows from the key.
            (ECDsa, KeyType.Ec) => publicKey.Length > _public.Length && publicKey.Slice(1, _public.Length).SequenceEqual(_public),
            _ => false,
        };
    }

    /// <summary>A certificate with the key that belongs to it.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    public X509Certificate2 AddTo(X509Certificate2 certificate)
    {
        switch (_key)
        {
            case RSA rsa:
                return certificate.CopyWithPrivateKey(rsa);
            case ECDsa ec:
                ECParameters parameters = ec.ExportParameters(true);
                if (parameters.Curve.IsNamed)
                {
                    return certificate.CopyWithPrivateKey(ec);
                }

                // A curve that is written out is the same as one by its name, but does not look so to the framework.
                using (ECDsa? publicKey = certificate.GetECDsaPublicKey())
                {
                    parameters.Curve = publicKey!.ExportParameters(false).Curve;
                }

                using (var named = ECDsa.Create(parameters))
                {
                    return certificate.CopyWithPrivateKey(named);
                }

            default:
                throw new ArgumentException($"A key of the type {Type} is not supported.", nameof(certificate));
        }
    }

    public void Dispose() => _key?.Dispose();

    private static PrivateKey ReadPkcs8(byte[] der, string algorithm, AsnReader parameters) => algorithm switch
    {
        KeyType.Rsa => Of(RSA.Create(), rsa => rsa.ImportPkcs8PrivateKey(der, out _)),
        KeyType.Ec => ReadEc(ec => ec.ImportPkcs8PrivateKey(der, out _), parameters),
        _ => new PrivateKey(null, KeyType.NameOf(algorithm)),
    };

    private static PrivateKey ReadEc(Action<ECDsa> import, AsnReader? parameters)
    {
        try
        {
            return Of(ECDsa.Create(), import);
        }
        catch (CryptographicException) when (FindCurve(parameters) is { } curve && !IsKnown(curve))
        {
            return OfCurve(FindCurve(parameters)!);
        }
    }

    private static PrivateKey OfCurve(string unsupported)
        => new(null, $"{KeyType.NameOf(KeyType.Ec)} with the curve {KeyType.NameOf(unsupported)}");

    // Null where the curve has no name. Looks without reading on.
    private static string? FindCurve(AsnReader? parameters)
        => parameters is { HasData: true } && parameters.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier)
            ? AsnDecoder.ReadObjectIdentifier(parameters.PeekEncodedValue().Span, parameters.RuleSet, out _)
            : null;

    private static bool IsKnown(string curve)
    {
        try
        {
            ECDsa.Create(ECCurve.CreateFromValue(curve)).Dispose();
            return true;
        }
        catch (Exception exception) when (exception is CryptographicException or PlatformNotSupportedException)
        {
            return false;
        }
    }

    private static int CountIntegers(AsnReader key)
    {
        int count = 0;
        while (key.HasData)
        {
            key.ReadIntegerBytes();
            count++;
        }

        return count;
    }
}
