using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;

namespace KestrelSocketServer.Tls;

/// <summary>The certificates of an endpoint, by the host name that a client asks for.</summary>
internal sealed class ServerCertificates
{
    private readonly ICertificateSource? _default;
    private readonly Dictionary<string, ICertificateSource> _byName;
    private readonly bool _keepLastGood;

    public ServerCertificates(SocketTlsOptions options, string basePath, CertificateSources sources)
    {
        _default = options.Certificate?.Open(basePath, sources);
        _byName = options.Sni.ToDictionary(pair => pair.Key, pair => pair.Value.Open(basePath, sources), StringComparer.OrdinalIgnoreCase);
        _keepLastGood = options.KeepLastGoodCertificate;
    }

    /// <summary>The certificate for a client, and what is wrong with it if an older one has to do.</summary>
    /// <exception cref="AuthenticationException">No certificate is for the host name.</exception>
    public (SslStreamCertificateContext Certificate, Exception? Fault) Get(string? hostName)
    {
        ICertificateSource source = Find(hostName) ?? throw new AuthenticationException(
            $"There is no certificate for {(string.IsNullOrEmpty(hostName) ? "a client that asks for no host name" : $"the host name '{hostName}', which the client asks for")}.");
        try
        {
            return (source.Get(), null);
        }
        catch (Exception exception) when (_keepLastGood && source.Last is not null && IsMissing(exception))
        {
            return (source.Last!, exception);
        }
    }

    // An invalid operation is what it is called when a store has no such certificate.
    private static bool IsMissing(Exception exception)
        => exception is IOException or UnauthorizedAccessException or CryptographicException or InvalidOperationException;

    private ICertificateSource? Find(string? hostName)
    {
        if (_byName.Count == 0 || string.IsNullOrEmpty(hostName))
        {
            return _default;
        }

        if (_byName.TryGetValue(hostName, out ICertificateSource? source))
        {
            return source;
        }

        int dot = hostName.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && _byName.TryGetValue($"*{hostName[dot..]}", out source) ? source : _default;
    }
}
