using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls;

/// <summary>
/// The certificates that an endpoint has opened, by what names them. One that it had already when its options changed is the same
/// again, with what was loaded last: by then that may be all there is of it.
/// </summary>
/// <param name="timeProvider">The clock of those that look for changes from time to time.</param>
/// <param name="logger">What they log to.</param>
/// <param name="earlier">Those that the endpoint has in use so far.</param>
internal sealed class CertificateSources(TimeProvider timeProvider, ILogger logger, CertificateSources? earlier = null)
{
    private readonly Dictionary<object, ICertificateSource> _sources = [];

    // Not the object: each would hold on to the one before it, and all their certificates.
    private readonly Dictionary<object, ICertificateSource>? _earlier = earlier?._sources;

    public TimeProvider TimeProvider { get; } = timeProvider;

    public ILogger Logger { get; } = logger;

    /// <param name="identity">Names the certificate; equal for the same one.</param>
    /// <param name="create">Opens it; reads nothing.</param>
    public ICertificateSource GetOrAdd(object identity, Func<ICertificateSource> create)
    {
        if (!_sources.TryGetValue(identity, out ICertificateSource? source))
        {
            source = _earlier?.GetValueOrDefault(identity) ?? create();
            _sources.Add(identity, source);
        }

        return source;
    }
}
