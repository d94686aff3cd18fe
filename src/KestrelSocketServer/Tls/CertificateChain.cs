using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Tls;

/// <summary>What a server sends: its certificate, and of those that it was given the issuer, the issuer's issuer, and so on.</summary>
/// <param name="Context">What TLS serves with.</param>
/// <param name="Unsent">Those that were given and are not sent, but for the roots.</param>
/// <param name="Roots">The roots that were given, which are not sent.</param>
internal sealed record CertificateChain(
    SslStreamCertificateContext Context, IReadOnlyList<X509Certificate2> Unsent, IReadOnlyList<X509Certificate2> Roots)
{
    /// <param name="certificate">The certificate of the server.</param>
    /// <param name="others">Those that were given with it, in their order.</param>
    /// <param name="now">The time for which issuers are to be valid, where there are several.</param>
    /// <exception cref="CryptographicException">TLS cannot serve with the certificate.</exception>
    public static CertificateChain Create(X509Certificate2 certificate, IEnumerable<X509Certificate2> others, DateTime now)
    {
        X509Certificate2[] given = [.. others.Where(other => !other.HasSameContentAs(certificate))];
        X509Certificate2Collection issuers = [.. FindIssuers(certificate, given, now)];

        // The framework builds the chain by the system's store, and stops at the first root that the system trusts, unless it is
        // told whom to trust. That has a say in the chain alone: clients' certificates have a policy of their own.
        var trust = SslCertificateTrust.CreateForX509Collection(issuers.Count > 0 ? issuers : [certificate], sendTrustInHandshake: false);
        try
        {
            var context = SslStreamCertificateContext.Create(certificate, issuers, offline: true, trust);
            ILookup<bool, X509Certificate2> unsent = given
                .Where(other => !context.IntermediateCertificates.Any(other.HasSameContentAs))
                .ToLookup(other => other.IsIssuedBy(other) && given.Append(certificate).Any(one => one != other && one.IsIssuedBy(other)));
            return new CertificateChain(context, [.. unsent[false]], [.. unsent[true]]);
        }
        catch (NotSupportedException exception)
        {
            string cause = KeyType.FindUnsupported([certificate]) ?? exception.Message;
            throw new CryptographicException($"TLS cannot serve with the certificate {certificate.Subject}: {cause}", exception);
        }
    }

    private static IEnumerable<X509Certificate2> FindIssuers(X509Certificate2 certificate, X509Certificate2[] given, DateTime now)
    {
        var left = new List<X509Certificate2>(given);
        X509Certificate2? issuer = certificate;
        while (!issuer.IsIssuedBy(issuer))
        {
            X509Certificate2 issued = issuer;

            // The one of another authority first, as the root itself is of no use to clients that do not have it already.
            issuer = left.Where(issued.IsIssuedBy)
                .OrderBy(candidate => candidate.IsIssuedBy(candidate) ? 1 : 0)
                .ThenBy(candidate => candidate.IsValidAt(now) ? 0 : 1)
                .FirstOrDefault();
            if (issuer is null)
            {
                break;
            }

            left.Remove(issuer);
            yield return issuer;
        }
    }
}
