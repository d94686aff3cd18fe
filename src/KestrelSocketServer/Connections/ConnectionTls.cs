using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KestrelSocketServer;

/// <summary>How a connection is encrypted (row T10).</summary>
public sealed class ConnectionTls
{
    private bool _isTruncated;

    /// <summary>The version of the protocol.</summary>
    public SslProtocols Protocol { get; init; }

    /// <summary>The cipher suite; null where the platform does not tell it.</summary>
    public TlsCipherSuite? CipherSuite { get; init; }

    /// <summary>The host name that the client asked for (SNI); null when it asked for none.</summary>
    public string? ServerName { get; init; }

    /// <summary>The application protocol that was agreed on (ALPN); null when none was.</summary>
    public string? ApplicationProtocol { get; init; }

    /// <summary>The certificate that the client presented; null when it presented none or was not asked.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>
    /// Whether the peer's bytes have ended without its saying so (close_notify): it has left in a hurry, or somebody on the way
    /// has cut off what it sent. Known from <see cref="ISocketConnection.Ended"/> on. With
    /// <see cref="SocketTlsOptions.RequireCloseNotify"/> such an end is an error instead.
    /// </summary>
    public bool IsTruncated
    {
        get => Volatile.Read(ref _isTruncated);
        init => _isTruncated = value;
    }

    internal void MarkTruncated() => Volatile.Write(ref _isTruncated, true);

    internal static ConnectionTls? From(IFeatureCollection features)
    {
        if (features.Get<ITlsHandshakeFeature>() is not { } handshake)
        {
            return null;
        }

        ReadOnlyMemory<byte> protocol = features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol ?? default;
        return new ConnectionTls
        {
            Protocol = handshake.Protocol,
            CipherSuite = handshake.NegotiatedCipherSuite,
            ServerName = handshake.HostName is { Length: > 0 } name ? name : null,
            ApplicationProtocol = protocol.IsEmpty ? null : Encoding.ASCII.GetString(protocol.Span),
            ClientCertificate = features.Get<ITlsConnectionFeature>()?.ClientCertificate,
        };
    }
}
