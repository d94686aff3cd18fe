using System.Net;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>A header, as it was sent.</summary>
/// <param name="Version">The version of the protocol.</param>
/// <param name="Length">How many bytes it has.</param>
internal sealed record ProxyHeader(int Version, int Length)
{
    /// <summary>Whether the proxy speaks for itself, as in a health check (LOCAL).</summary>
    public bool IsLocal { get; init; }

    /// <summary>Where the client is; null where the proxy does not tell.</summary>
    public EndPoint? Source { get; init; }

    /// <summary>What the client reached; null where the proxy does not tell.</summary>
    public EndPoint? Destination { get; init; }

    public IReadOnlyList<ProxyProtocolTlv> Tlvs { get; init; } = [];

    /// <summary>How the client's connection to the proxy was encrypted; null where the proxy does not tell.</summary>
    public ProxyProtocolTls? Tls { get; init; }
}
