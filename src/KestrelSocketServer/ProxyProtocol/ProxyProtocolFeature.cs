using System.Net;
using System.Net.Security;
using System.Text;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>What the header of a connection said.</summary>
internal sealed class ProxyProtocolFeature(ProxyHeader header, EndPoint? socketRemote, EndPoint? socketLocal) : IProxyProtocolFeature
{
    private const byte ApplicationProtocolType = 0x01;
    private const byte AuthorityType = 0x02;
    private const byte UniqueIdType = 0x05;

    public int Version => header.Version;

    public bool IsLocal => header.IsLocal;

    public EndPoint? SocketRemoteEndPoint => socketRemote;

    public EndPoint? SocketLocalEndPoint => socketLocal;

    public string? Authority => TryGetTlv(AuthorityType, out ReadOnlyMemory<byte> value) ? Encoding.UTF8.GetString(value.Span) : null;

    // The framework's type takes no other lengths.
    public SslApplicationProtocol? ApplicationProtocol
        => TryGetTlv(ApplicationProtocolType, out ReadOnlyMemory<byte> value) && value.Length is > 0 and <= byte.MaxValue
            ? new SslApplicationProtocol(value.ToArray())
            : null;

    public ReadOnlyMemory<byte> UniqueId => TryGetTlv(UniqueIdType, out ReadOnlyMemory<byte> value) ? value : default;

    public ProxyProtocolTls? Tls => header.Tls;

    public IReadOnlyList<ProxyProtocolTlv> Tlvs => header.Tlvs;

    public bool TryGetTlv(byte type, out ReadOnlyMemory<byte> value)
    {
        foreach (ProxyProtocolTlv tlv in header.Tlvs)
        {
            if (tlv.Type == type)
            {
                value = tlv.Value;
                return true;
            }
        }

        value = default;
        return false;
    }
}
