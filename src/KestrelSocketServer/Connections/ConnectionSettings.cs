using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer;

/// <summary>What the connections of one endpoint have in common.</summary>
internal sealed record ConnectionSettings(SocketConnectionOptions Options, SocketServer? Server, ILogger Logger, TimeProvider TimeProvider)
{
    /// <summary>For handlers that run outside an endpoint of ours and were given no options.</summary>
    public static ConnectionSettings Default { get; } = new(new SocketConnectionOptions(), null, NullLogger.Instance, TimeProvider.System);
}
