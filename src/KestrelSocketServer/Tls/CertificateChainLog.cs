using System.Security.Cryptography.X509Certificates;
using KestrelSocketServer.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls;

internal static class CertificateChainLog
{
    /// <summary>Tells which certificates are not sent although they were given.</summary>
    /// <param name="logger">What logs it.</param>
    /// <param name="chain">What is sent, and what is not.</param>
    /// <param name="source">Where the certificates come from.</param>
    public static void CertificatesNotSent(this ILogger logger, CertificateChain chain, string source)
    {
        if (chain.Unsent.Count > 0)
        {
            logger.CertificatesNotSent(source, Describe(chain.Unsent));
        }

        if (chain.Roots.Count > 0)
        {
            logger.RootNotSent(source, Describe(chain.Roots));
        }
    }

    private static string Describe(IEnumerable<X509Certificate2> certificates)
        => string.Join("; ", certificates.Select(certificate => $"{certificate.Subject} (from {certificate.Issuer})"));
}
