using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer;

/// <summary>Which certificates of clients an endpoint accepts.</summary>
internal sealed class ClientCertificatePolicy(SocketTlsOptions options, string basePath)
{
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly FileCache<X509Certificate2Collection>? _authorities = options.ClientCertificateAuthorities is { } path
        ? OpenAuthorities(Path.GetFullPath(path, basePath))
        : null;

    /// <summary>Asks for a certificate, where the endpoint wants one.</summary>
    public void Apply(SslServerAuthenticationOptions server, HandshakeWatch? watch)
    {
        if (options.ClientCertificateMode == ClientCertificateMode.NoCertificate)
        {
            return;
        }

        server.ClientCertificateRequired = true;
        server.CertificateChainPolicy = CreateChainPolicy();
        server.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            string? fault = FindFault(certificate as X509Certificate2, chain, errors);
            if (fault is not null && watch is not null)
            {
                watch.Reason = new AuthenticationException(fault);
            }

            return fault is null;
        };
    }

    private static FileCache<X509Certificate2Collection> OpenAuthorities(string path)
        => new(path, null, () => PemText.ReadCertificates(File.ReadAllText(path), path));

    private X509ChainPolicy CreateChainPolicy()
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

    private string? FindFault(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
        {
            return options.ClientCertificateMode == ClientCertificateMode.RequireCertificate ? "The client has presented no certificate." : null;
        }

        if (options.AllowSelfSignedClientCertificates && IsSelfSigned(certificate, chain))
        {
            errors &= ~SslPolicyErrors.RemoteCertificateChainErrors;
        }

        if (options.ClientCertificateValidation is { } validate)
        {
            return validate(certificate, chain, errors)
                ? null
                : $"The client's certificate {certificate.Subject} was refused by {nameof(options.ClientCertificateValidation)} ({Describe(chain, errors)}).";
        }

        return errors == SslPolicyErrors.None ? null : $"The client's certificate {certificate.Subject} is not trusted: {Describe(chain, errors)}.";
    }

    // Nothing but the unknown root may be wrong with it: an expired one stays refused.
    private static bool IsSelfSigned(X509Certificate2 certificate, X509Chain? chain)
        => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData)
            && chain is not null
            && chain.ChainStatus.All(status => status.Status is X509ChainStatusFlags.UntrustedRoot or X509ChainStatusFlags.PartialChain);

    private static string Describe(X509Chain? chain, SslPolicyErrors errors) => errors == SslPolicyErrors.None
        ? "nothing was found wrong with it"
        : chain is { ChainStatus.Length: > 0 }
            ? string.Join("; ", chain.ChainStatus.Select(status => $"{status.Status}, {status.StatusInformation.Trim().TrimEnd('.')}"))
            : errors.ToString();
}
