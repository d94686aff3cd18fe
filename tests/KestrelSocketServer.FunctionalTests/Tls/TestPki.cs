using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>A certificate authority, and what it issues.</summary>
internal sealed class TestPki
{
    public const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    public const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset To = DateTimeOffset.UtcNow.AddDays(30);

    private TestPki(X509Certificate2 authority) => Authority = authority;

    public static TestPki Default { get; } = CreateRoot("Test root");

    public static TestPki Other { get; } = CreateRoot("Other root");

    /// <summary>With its private key.</summary>
    public X509Certificate2 Authority { get; }

    public static TestPki CreateRoot(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TestPki(AuthorityRequest(name, key).CreateSelfSigned(From, To));
    }

    public TestPki CreateIntermediate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 issued = AuthorityRequest(name, key).Create(Authority, From, To.AddDays(-1), RandomNumberGenerator.GetBytes(8));
        return new TestPki(issued.CopyWithPrivateKey(key));
    }

    public X509Certificate2 Issue(string name, bool rsa = false, bool expired = false, string? usage = null)
    {
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        if (rsa)
        {
            using var key = RSA.Create(2048);
            using X509Certificate2 issued = WithExtensions(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), name)
                .Create(Authority.SubjectName, X509SignatureGenerator.CreateForECDsa(Authority.GetECDsaPrivateKey()!), From, To.AddDays(-2), serial);
            return issued.CopyWithPrivateKey(key);
        }
        else
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using X509Certificate2 issued = WithExtensions(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256), name, usage)
                .Create(Authority, From, expired ? From.AddHours(1) : To.AddDays(-2), serial);
            return issued.CopyWithPrivateKey(key);
        }
    }

    public static X509Certificate2 SelfSigned(string name, int daysLeft = 30)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return WithExtensions(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256), name)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-40), DateTimeOffset.UtcNow.AddDays(daysLeft));
    }

    /// <summary>The certificate and its private key, in one PEM text.</summary>
    public static string Pem(X509Certificate2 certificate, params X509Certificate2[] chain)
        => $"{certificate.ExportCertificatePem()}\n{string.Concat(chain.Select(issuer => issuer.ExportCertificatePem() + "\n"))}{KeyPem(certificate)}\n";

    public static string KeyPem(X509Certificate2 certificate) => Key(certificate).ExportPkcs8PrivateKeyPem();

    public static string EncryptedKeyPem(X509Certificate2 certificate, string passphrase)
        => Key(certificate).ExportEncryptedPkcs8PrivateKeyPem(passphrase, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 2000));

    private static AsymmetricAlgorithm Key(X509Certificate2 certificate)
        => (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey()!;

    private static CertificateRequest AuthorityRequest(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }

    private static CertificateRequest WithExtensions(CertificateRequest request, string name, string? usage = null)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name.Replace(' ', '-'));
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        OidCollection usages = usage is null ? [new Oid(ServerUsage), new Oid(ClientUsage)] : [new Oid(usage)];
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, false));
        return request;
    }
}
