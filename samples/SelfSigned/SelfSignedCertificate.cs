using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

/// <summary>Makes certificates to try TLS with, without openssl.</summary>
internal static class SelfSignedCertificate
{
    private static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 100_000);

    /// <summary>The certificate and its private key, as one PEM text; valid for a year.</summary>
    /// <param name="host">The host name or IP address that clients connect to.</param>
    /// <param name="passphrase">Encrypts the private key.</param>
    public static string CreatePem(string host, string? passphrase = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedNameBuilder().With(host), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(Names(host));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddYears(1));
        string keyPem = passphrase is null ? key.ExportPkcs8PrivateKeyPem() : key.ExportEncryptedPkcs8PrivateKeyPem(passphrase, Encryption);
        return $"{certificate.ExportCertificatePem()}\n{keyPem}\n";
    }

    /// <summary>Writes a new file that only its owner can read.</summary>
    /// <exception cref="IOException">There is such a file.</exception>
    public static void WriteNew(string path, string pem)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var writer = new StreamWriter(path, options);
        writer.Write(pem);
    }

    private static X500DistinguishedName With(this X500DistinguishedNameBuilder builder, string host)
    {
        builder.AddCommonName(host);
        return builder.Build();
    }

    private static X509Extension Names(string host)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }

        if (host == "localhost")
        {
            names.AddIpAddress(IPAddress.Loopback);
            names.AddIpAddress(IPAddress.IPv6Loopback);
        }

        return names.Build();
    }
}
