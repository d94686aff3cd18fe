using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KestrelSocketServer;

/// <summary>
/// What configuration can say of an endpoint, below <c>SocketServer:Endpoints:{name}</c>, or of all of them, below
/// <c>SocketServer:EndpointDefaults</c>.
/// </summary>
public sealed class SocketEndpointOptions
{
    /// <summary>The address to listen on, in any form that <see cref="ListenAddress.Parse(string)"/> takes.</summary>
    /// <remarks>Required for each endpoint that has no address in code. A change moves the endpoint.</remarks>
    public string? Url { get; set; }

    /// <summary>Whether the endpoint listens.</summary>
    /// <remarks>Defaults to true.</remarks>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether the endpoint is left out, rather than an error, when code gives it no handler.</summary>
    /// <remarks>Defaults to false.</remarks>
    public bool Optional { get; set; }

    /// <summary>The options of the listening socket. A change replaces the socket.</summary>
    public SocketListenerOptions Socket { get; set; } = new();

    /// <summary>The options of its connections. A change holds for connections accepted from then on.</summary>
    public SocketConnectionOptions Limits { get; set; } = new();

    /// <summary>How proxies in front of the endpoint tell the addresses of their clients. A change holds for connections accepted from then on.</summary>
    public ProxyProtocolOptions ProxyProtocol { get; set; } = new();

    /// <summary>Where its clients may come from. A change holds for connections accepted from then on.</summary>
    public SocketAccessOptions Access { get; set; } = new();

    /// <inheritdoc cref="SocketConnectionOptions.AllowHalfOpen"/>
    public bool AllowHalfOpen
    {
        get => Limits.AllowHalfOpen;
        set => Limits.AllowHalfOpen = value;
    }

    /// <summary>The certificate of the server. Its changes, and those of its file, hold from the next handshake on.</summary>
    /// <remarks>Defaults to none. TLS is used where <see cref="Url"/> begins with <c>tls://</c>.</remarks>
    public SocketCertificateOptions? Certificate { get; set; }

    /// <summary>Certificates by the host name that a client asks for, as in <see cref="SocketTlsOptions.Sni"/>.</summary>
    public IDictionary<string, SocketSniOptions> Sni { get; } = new Dictionary<string, SocketSniOptions>(StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc cref="SocketTlsOptions.KeepLastGoodCertificate"/>
    public bool KeepLastGoodCertificate { get; set; }

    /// <summary>The versions of TLS that are allowed.</summary>
    /// <remarks>Defaults to none given: what the operating system deems safe.</remarks>
    public IList<SslProtocols> SslProtocols { get; } = [];

    /// <inheritdoc cref="SocketTlsOptions.CipherSuites"/>
    public IList<TlsCipherSuite> CipherSuites { get; } = [];

    /// <inheritdoc cref="SocketTlsOptions.ApplicationProtocols"/>
    public IList<string> ApplicationProtocols { get; } = [];

    /// <inheritdoc cref="SocketTlsOptions.ClientCertificateMode"/>
    public ClientCertificateMode ClientCertificateMode { get; set; }

    /// <inheritdoc cref="SocketTlsOptions.ClientCertificateAuthorities"/>
    public string? ClientCertificateAuthorities { get; set; }

    /// <inheritdoc cref="SocketTlsOptions.AllowSelfSignedClientCertificates"/>
    public bool AllowSelfSignedClientCertificates { get; set; }

    /// <inheritdoc cref="SocketTlsOptions.CheckClientCertificateRevocation"/>
    public bool CheckClientCertificateRevocation { get; set; }

    /// <inheritdoc cref="SocketTlsOptions.HandshakeTimeout"/>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc cref="SocketTlsOptions.RequireCloseNotify"/>
    public bool RequireCloseNotify { get; set; }

    /// <summary>The options of TLS, null where there is no certificate here.</summary>
    internal SocketTlsOptions? ToTls()
    {
        if (Certificate is null && Sni.Count == 0)
        {
            return null;
        }

        var tls = new SocketTlsOptions
        {
            Certificate = Certificate?.ToCertificate(),
            KeepLastGoodCertificate = KeepLastGoodCertificate,
            SslProtocols = SslProtocols.Aggregate(default(SslProtocols), (all, one) => all | one),
            ClientCertificateMode = ClientCertificateMode,
            ClientCertificateAuthorities = ClientCertificateAuthorities,
            AllowSelfSignedClientCertificates = AllowSelfSignedClientCertificates,
            CheckClientCertificateRevocation = CheckClientCertificateRevocation,
            HandshakeTimeout = HandshakeTimeout,
            RequireCloseNotify = RequireCloseNotify,
        };
        foreach ((string host, SocketSniOptions sni) in Sni)
        {
            tls.Sni.Add(host, sni.Certificate!.ToCertificate());
        }

        foreach (TlsCipherSuite suite in CipherSuites)
        {
            tls.CipherSuites.Add(suite);
        }

        foreach (string protocol in ApplicationProtocols)
        {
            tls.ApplicationProtocols.Add(new SslApplicationProtocol(protocol));
        }

        return tls;
    }
}
