namespace KestrelSocketServer.ProxyProtocol;

/// <summary>Finds options that cannot work, before anybody connects.</summary>
internal static class ProxyProtocolOptionsValidator
{
    /// <summary>What is wrong where a list is missing.</summary>
    public const string NoProxies =
        "names nobody; write the addresses or networks of the proxies, such as 10.0.0.0/8, or unix for those on a Unix domain socket";

    /// <exception cref="InvalidOperationException">An option cannot work; the message names it and what is allowed.</exception>
    public static void Validate(ProxyProtocolOptions options, string? endpointName)
    {
        if (FindFault(options) is { } fault)
        {
            throw new InvalidOperationException(endpointName is null ? fault : $"Endpoint '{endpointName}': {fault}");
        }
    }

    private static string? FindFault(ProxyProtocolOptions options)
    {
        if (!Enum.IsDefined(options.Mode))
        {
            return $"{nameof(options.Mode)} is {options.Mode}; allowed are Off, Allow and Require.";
        }

        if (options.Mode != ProxyProtocolMode.Off && options.TrustedProxies.Count == 0)
        {
            return $"{nameof(options.TrustedProxies)} {NoProxies}.";
        }

        if (options.TrustedProxies.Select(TrustedProxies.FindFault).FirstOrDefault(fault => fault is not null) is { } proxyFault)
        {
            return $"{nameof(options.TrustedProxies)}: {proxyFault}.";
        }

        return options.HeaderTimeout > TimeSpan.Zero && options.HeaderTimeout.TotalMilliseconds <= int.MaxValue
            ? null
            : $"{nameof(options.HeaderTimeout)} is {options.HeaderTimeout}; it must be more than zero and at most {TimeSpan.FromMilliseconds(int.MaxValue)}.";
    }
}
