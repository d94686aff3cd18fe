namespace KestrelSocketServer.ProxyProtocol;

/// <summary>Why a client is refused (row G18).</summary>
/// <param name="Reason">What the metric calls it.</param>
/// <param name="Message">What the error and the log say.</param>
internal readonly record struct ProxyHeaderFault(string Reason, string Message)
{
    public const string Missing = "proxy_header_missing";
    public const string Malformed = "proxy_header_malformed";
    public const string TooLong = "proxy_header_too_long";
    public const string Late = "proxy_header_late";
    public const string Untrusted = "proxy_untrusted";
}
