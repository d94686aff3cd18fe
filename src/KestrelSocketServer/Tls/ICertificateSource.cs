using System.Net.Security;

namespace KestrelSocketServer.Tls;

/// <summary>A certificate in use by an endpoint.</summary>
internal interface ICertificateSource
{
    /// <summary>The certificate of now; the same object as long as it does not change, so that sessions can be resumed.</summary>
    SslStreamCertificateContext Get();

    /// <summary>The last certificate that could be had, null when none could.</summary>
    SslStreamCertificateContext? Last { get; }
}
