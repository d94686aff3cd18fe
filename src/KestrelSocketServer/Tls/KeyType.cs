using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Tls;

/// <summary>The types of keys, by their object identifiers.</summary>
internal static class KeyType
{
    public const string Rsa = "1.2.840.113549.1.1.1";
    public const string Ec = "1.2.840.10045.2.1";
    public const string Dsa = "1.2.840.10040.4.1";

    /// <summary>A curve.</summary>
    public const string Sm2 = "1.2.156.10197.1.301";

    /// <summary>The name of a type, or of any other object identifier, for messages.</summary>
    public static string NameOf(string oid) => oid switch
    {
        Rsa => "RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        Ec => "EC",
        Dsa => "DSA",
        "1.2.840.113549.1.3.1" or "1.2.840.10046.2.1" => "DH",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        Sm2 => "SM2",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        "1.3.6.1.4.1.11591.4.11" => "scrypt",
        _ => new Oid(oid).FriendlyName ?? oid,
    };

    /// <summary>
    /// Whether TLS can serve with keys of the type. The framework's takes no others, though OpenSSL would: not RSA-PSS (an RSA key
    /// signs with PSS in any case), not Ed25519.
    /// </summary>
    public static bool IsSupported(string oid) => oid is Rsa or Ec;

    /// <summary>Says of the first certificate whose key is of an unsupported type that it is so; null when there is none.</summary>
    public static string? FindUnsupported(IEnumerable<X509Certificate2> certificates)
        => certificates.FirstOrDefault(certificate => !IsSupported(certificate.GetKeyAlgorithm())) is { } unsupported
            ? $"the certificate {unsupported.Subject} has a key of the type {NameOf(unsupported.GetKeyAlgorithm())}, "
                + "which is not supported; RSA and EC (ECDSA) keys are"
            : null;
}
