namespace KestrelSocketServer;

/// <summary>The PROXY protocol of an endpoint: how proxies in front of it tell the addresses of their clients (rows G17 and G18).</summary>
public sealed class ProxyProtocolOptions
{
    /// <summary>Whether headers are looked for, and what becomes of clients that do not come from a trusted proxy.</summary>
    /// <remarks>Defaults to <see cref="ProxyProtocolMode.Off"/>; where <c>UseProxyProtocol</c> is called, to <see cref="ProxyProtocolMode.Require"/>.</remarks>
    public ProxyProtocolMode Mode { get; set; }

    /// <summary>
    /// The proxies whose headers are believed: IP addresses (<c>10.0.0.5</c>, <c>2001:db8::5</c>), networks (<c>10.0.0.0/8</c>), and
    /// <c>unix</c> for all that comes by a Unix domain socket, whose file says who may.
    /// </summary>
    /// <remarks>
    /// Defaults to none; required unless <see cref="Mode"/> is off. Whoever is listed here can claim any address: list proxies alone.
    /// </remarks>
    public IList<string> TrustedProxies { get; } = [];

    /// <summary>How long a trusted proxy may take for its header.</summary>
    /// <remarks>Defaults to 10 s.</remarks>
    public TimeSpan HeaderTimeout { get; set; } = TimeSpan.FromSeconds(10);

    internal ProxyProtocolOptions Copy()
    {
        var copy = new ProxyProtocolOptions { Mode = Mode, HeaderTimeout = HeaderTimeout };
        foreach (string proxy in TrustedProxies)
        {
            copy.TrustedProxies.Add(proxy);
        }

        return copy;
    }
}
