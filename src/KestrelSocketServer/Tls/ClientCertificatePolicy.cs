using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer.Tls;

/// <summary>Which certificates of clients an endpoint accepts.</summary>
internal sealed class ClientCertificatePolicy(SocketTlsOptions options, string basePath)
{
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly FileCache<X509Certificate2Collection>? _authorities = options.ClientCertificateAuthorities is { } path
        ? OpenAuthorities(Path.GetFullPath(path, basePath))
        : null;

    /// <summary>Whether clients are ever asked for a certificate.</summary>
    public bool IsAsking => options.ClientCertificateMode != ClientCertificateMode.NoCertificate;

    /// <summary>Whether a handler has to ask for it.</summary>
    public bool IsOnDemand => options.ClientCertificateMode == ClientCertificateMode.DelayCertificate;

    /// <summary>Whether clients without a certificate are refused.</summary>
    public bool IsRequired => options.ClientCertificateMode == ClientCertificateMode.RequireCertificate;

    /// <exception cref="IOException">The file of the authorities is missing or cannot be read.</exception>
    /// <exception cref="CryptographicException">It is not what it should be.</exception>
    public X509ChainPolicy CreateChainPolicy()
    {
        var policy = new X509ChainPolicy
        {
            RevocationMode = options.CheckClientCertificateRevocation ? X509RevocationMode.Online : X509RevocationMode.NoCheck,
            RevocationFlag = X509RevocationFlag.ExcludeRoot,
            // Only the revocation check, which asks others anyway, may fetch what a client's certificate points to.
            DisableCertificateDownloads = !options.CheckClientCertificateRevocation,
        };
        policy.ApplicationPolicy.Add(ClientAuthentication);
        if (_authorities is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(_authorities.Get());
        }

        return policy;
    }

    /// <summary>Judges a certificate.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="others">Those that the client has sent along.</param>
    public ClientCertificateFault? FindFault(X509Certificate2 certificate, X509Certificate2Collection others)
    {
        using var chain = new X509Chain { ChainPolicy = CreateChainPolicy() };
        chain.ChainPolicy.ExtraStore.AddRange(others);
        return FindFault(certificate, chain, chain.Build(certificate) ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateChainErrors);
    }

    /// <summary>Judges what was found out about a certificate.</summary>
    public ClientCertificateFault? FindFault(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
        {
            return IsRequired ? ClientCertificateFault.Missing : null;
        }

        X509ChainStatusFlags faults = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, one) => all | one.Status) ?? X509ChainStatusFlags.NoError;
        if (options.AllowSelfSignedClientCertificates && IsSelfSigned(certificate))
        {
            faults &= ~(X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain);
            if (chain is not null && faults == X509ChainStatusFlags.NoError)
            {
                // Nothing but the unknown root is wrong with it.
                errors &= ~SslPolicyErrors.RemoteCertificateChainErrors;
            }
        }

        if (options.ClientCertificateValidation is { } validate)
        {
            return validate(certificate, chain, errors) ? null : new ClientCertificateFault(
                $"The client's certificate {certificate.Subject} was refused by {nameof(options.ClientCertificateValidation)} ({Describe(chain, errors)}).",
                AlertOf(faults));
        }

        return errors == SslPolicyErrors.None ? null : new ClientCertificateFault(
            $"The client's certificate {certificate.Subject} is not trusted: {Describe(chain, errors)}.", AlertOf(faults));
    }

    private static FileCache<X509Certificate2Collection> OpenAuthorities(string path)
        => new(path, null, () => PemText.ReadCertificates(PemText.From(File.ReadAllBytes(path)) ?? "", path));

    private static bool IsSelfSigned(X509Certificate2 certificate)
        => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);

    // A stranger's certificate is unknown first of all, whatever else may be wrong with it.
    private static TlsAlert AlertOf(X509ChainStatusFlags faults)
        => (faults & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0 ? TlsAlert.UnknownAuthority
            : (faults & X509ChainStatusFlags.Revoked) != 0 ? TlsAlert.CertificateRevoked
            : (faults & X509ChainStatusFlags.NotTimeValid) != 0 ? TlsAlert.CertificateExpired
            : (faults & X509ChainStatusFlags.NotValidForUsage) != 0 ? TlsAlert.UnsupportedCertificate
            : TlsAlert.BadCertificate;

    private static string Describe(X509Chain? chain, SslPolicyErrors errors) => errors == SslPolicyErrors.None
        ? "nothing was found wrong with it"
        : chain is { ChainStatus.Length: > 0 }
            ? string.Join("; ", chain.ChainStatus.Select(status => $"{status.Status}, {status.StatusInformation.Trim().TrimEnd('.')}"))
            : errors.ToString();
}
