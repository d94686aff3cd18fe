namespace KestrelSocketServer.ProxyProtocol;

/// <summary>What was found where a header should be: a header, a fault, or neither while more bytes are needed to tell.</summary>
internal readonly record struct ProxyHeaderResult(ProxyHeader? Header, ProxyHeaderFault? Fault)
{
    public static ProxyHeaderResult NeedsMore => default;

    public static ProxyHeaderResult Missing { get; } = new(null, new(ProxyHeaderFault.Missing, "What was received does not begin with a PROXY header."));

    public static ProxyHeaderResult Found(ProxyHeader header) => new(header, null);

    public static ProxyHeaderResult Malformed(string reason) => new(null, new(ProxyHeaderFault.Malformed, $"The PROXY header is malformed: {reason}."));

    public static ProxyHeaderResult TooLong(int version, int length) => new(
        null, new(ProxyHeaderFault.TooLong, $"The PROXY header of version {version} is longer than the {length} bytes that are allowed."));
}
