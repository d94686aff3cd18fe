using System.Net;
using System.Net.Security;

namespace KestrelSocketServer;

/// <summary>
/// What a trusted proxy has said of its client, among the <see cref="ISocketConnection.Features"/> of the connection; not there where
/// the client came directly (row G17).
/// </summary>
/// <remarks>It never changes, and may be used from any thread.</remarks>
public interface IProxyProtocolFeature
{
    /// <summary>The version of the protocol, 1 or 2.</summary>
    int Version { get; }

    /// <summary>Whether the proxy speaks for itself, as in a health check (LOCAL): the connection keeps the socket's addresses.</summary>
    bool IsLocal { get; }

    /// <summary>The other side of the socket: the proxy. The client is the connection's <see cref="ISocketConnection.RemoteEndPoint"/>.</summary>
    EndPoint? SocketRemoteEndPoint { get; }

    /// <summary>
    /// This side of the socket, which the proxy reached. What the client reached is the connection's <see cref="ISocketConnection.LocalEndPoint"/>.
    /// </summary>
    EndPoint? SocketLocalEndPoint { get; }

    /// <summary>The host name that the client asked for (PP2_TYPE_AUTHORITY), with TLS that of SNI; null where the proxy does not tell.</summary>
    string? Authority { get; }

    /// <summary>The application protocol that was agreed on (PP2_TYPE_ALPN); null where the proxy does not tell.</summary>
    SslApplicationProtocol? ApplicationProtocol { get; }

    /// <summary>The proxy's own identifier of the connection (PP2_TYPE_UNIQUE_ID), opaque; empty where the proxy does not tell.</summary>
    ReadOnlyMemory<byte> UniqueId { get; }

    /// <summary>How the client's connection to the proxy was encrypted (PP2_TYPE_SSL); null where the proxy does not tell.</summary>
    ProxyProtocolTls? Tls { get; }

    /// <summary>All values of the header, in order.</summary>
    IReadOnlyList<ProxyProtocolTlv> Tlvs { get; }

    /// <summary>Gets the first value of a type.</summary>
    /// <param name="type">The type, as the protocol numbers it.</param>
    /// <param name="value">Its bytes; not to be changed.</param>
    /// <returns>Whether there is one.</returns>
    bool TryGetTlv(byte type, out ReadOnlyMemory<byte> value);
}
