namespace KestrelSocketServer;

/// <summary>Whether clients come through proxies that tell their addresses (PROXY protocol, row G18).</summary>
public enum ProxyProtocolMode
{
    /// <summary>No header is looked for: all that clients send is data.</summary>
    Off,

    /// <summary>Trusted proxies have to send a header. Others are clients that came directly, and all that they send is data.</summary>
    Allow,

    /// <summary>Trusted proxies have to send a header. Others are refused.</summary>
    Require,
}
