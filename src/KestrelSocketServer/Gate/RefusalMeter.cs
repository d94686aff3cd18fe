using System.Net;
using KestrelSocketServer.Diagnostics;

namespace KestrelSocketServer.Gate;

/// <summary>Measures the refused clients of a listener. A refusal allocates nothing: the tags of each reason are made once.</summary>
/// <param name="metrics">The instruments; null where nothing is measured.</param>
/// <param name="endpoint">The endpoint's name.</param>
/// <param name="local">Where it listens; null where it is not known.</param>
internal sealed class RefusalMeter(SocketServerMetrics? metrics, string? endpoint, EndPoint? local)
{
    private KeyValuePair<string, object?>[]?[]? _tags;

    public void Count(RefusalReason reason, bool isDryRun)
    {
        if (metrics is { CountsRejections: true })
        {
            _tags ??= new KeyValuePair<string, object?>[]?[2 * RefusalReasons.Count];
            ref KeyValuePair<string, object?>[]? tags = ref _tags[RefusalReasons.IndexOf(reason, isDryRun)];
            metrics.OnRejected(tags ??= SocketServerMetrics.TagsOfRejection(endpoint, local, RefusalReasons.NameOf(reason), isDryRun));
        }
    }
}
