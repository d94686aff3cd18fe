using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer;

/// <summary>The TLS options of an endpoint (row T9).</summary>
public sealed class SocketTlsOptions
{
    /// <summary>The certificate of the server, for every client whose host name is not in <see cref="Sni"/>.</summary>
    /// <remarks>Defaults to null. Required unless <see cref="Sni"/> has certificates; a client that fits none of them is then refused.</remarks>
    public TlsCertificate? Certificate { get; set; }

    /// <summary>
    /// Certificates by the host name that the client asks for: a name such as <c>example.com</c>, or a wildcard such as
    /// <c>*.example.com</c>, which stands for names with one label more. A name goes before a wildcard; neither regards case.
    /// </summary>
    /// <remarks>Defaults to none.</remarks>
    public IDictionary<string, TlsCertificate> Sni { get; } = new Dictionary<string, TlsCertificate>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a certificate that cannot be loaded any more is replaced by the last one that could.</summary>
    /// <remarks>
    /// Defaults to false: the handshake fails until the file is right (row T3). If true, the server's error event tells once of
    /// each such fault, with the stage <see cref="SocketServerErrorStage.Certificate"/>, and clients are served, also when other
    /// options of the endpoint change meanwhile.
    /// </remarks>
    public bool KeepLastGoodCertificate { get; set; }

    /// <summary>The versions of the protocol that are allowed, TLS 1.0 to 1.3.</summary>
    /// <remarks>Defaults to <see cref="SslProtocols.None"/>: what the operating system deems safe.</remarks>
    public SslProtocols SslProtocols { get; set; }

    /// <summary>The cipher suites that are allowed. Not available on Windows, where the system has a policy of its own.</summary>
    /// <remarks>Defaults to none given: the operating system's own.</remarks>
    public IList<TlsCipherSuite> CipherSuites { get; } = [];

    /// <summary>The application protocols to agree on (ALPN), the preferred one first. A client that offers only others is refused.</summary>
    /// <remarks>Defaults to none: ALPN is not answered.</remarks>
    public IList<SslApplicationProtocol> ApplicationProtocols { get; } = [];

    /// <summary>Whether clients are asked for a certificate, and whether they must present one.</summary>
    /// <remarks>
    /// Defaults to <see cref="ClientCertificateMode.NoCertificate"/>. A certificate that is presented must be valid in any mode. With
    /// <see cref="ClientCertificateMode.DelayCertificate"/> a client is asked when a handler calls
    /// <c>connection.Features.Get&lt;ITlsConnectionFeature&gt;().GetClientCertificateAsync</c>, before anything is read. Few clients of TLS 1.3 answer
    /// that, and a refusal is not told by an alert.
    /// </remarks>
    public ClientCertificateMode ClientCertificateMode { get; set; }

    /// <summary>
    /// A PEM file with the certificates of the authorities that clients' certificates are to come from, looked at by each
    /// handshake as <see cref="TlsCertificate.FromFile"/> does. Relative to the content root of the host.
    /// </summary>
    /// <remarks>Defaults to null: the authorities that the operating system trusts.</remarks>
    public string? ClientCertificateAuthorities { get; set; }

    /// <summary>Whether clients may present a self-signed certificate of any kind. It proves nothing but that they have its key.</summary>
    /// <remarks>Defaults to false.</remarks>
    public bool AllowSelfSignedClientCertificates { get; set; }

    /// <summary>Whether the authorities are asked online if a client's certificate was revoked.</summary>
    /// <remarks>Defaults to false. An authority that cannot be reached makes the handshake fail.</remarks>
    public bool CheckClientCertificateRevocation { get; set; }

    /// <summary>The last word on a client's certificate: given the certificate, its chain, and what was found wrong with it, returns whether it is accepted.</summary>
    /// <remarks>Defaults to null: a certificate is accepted when nothing is wrong with it.</remarks>
    public Func<X509Certificate2, X509Chain?, SslPolicyErrors, bool>? ClientCertificateValidation { get; set; }

    /// <summary>How long a client may take for its handshake (row T5).</summary>
    /// <remarks>Defaults to 10 seconds.</remarks>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether a peer has to announce the end of what it sends (close_notify). If it leaves without, the connection has an
    /// error in place of an end: what it sent may have been cut off on the way.
    /// </summary>
    /// <remarks>Defaults to false, as many clients do not: <see cref="ConnectionTls.IsTruncated"/> tells then.</remarks>
    public bool RequireCloseNotify { get; set; }
}
