using KestrelSocketServer.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer.Connections;

/// <summary>What the connections of one endpoint have in common.</summary>
internal sealed record ConnectionSettings(
    SocketConnectionOptions Options, EndpointConnections? Endpoint, ILogger Logger, TimeProvider TimeProvider, ConnectionClock Clock)
{
    /// <summary>Measures the connections; null where nothing is measured.</summary>
    public SocketServerMetrics? Metrics { get; init; }

    /// <summary>What is unsent on all connections; null where it is not bounded.</summary>
    public UnsentAccount? Unsent { get; init; }

    /// <summary>For handlers that run outside an endpoint of ours and were given no options.</summary>
    public static ConnectionSettings Default { get; } = new(
        new SocketConnectionOptions(), null, NullLogger.Instance, TimeProvider.System, new ConnectionClock(TimeProvider.System));

    /// <summary>A connection is open.</summary>
    public ConnectionMeasurement OnOpened(ConnectionContext context) => Metrics?.OnOpened(Endpoint?.Name, context.LocalEndPoint, TimeProvider) ?? default;

    /// <summary>A connection is closed.</summary>
    public void OnClosed(ConnectionContext context, in ConnectionMeasurement measurement, SocketCloseReason reason, string? errorType)
    {
        Logger.ConnectionClosed(context.ConnectionId, Endpoint?.Name, reason);
        Metrics?.OnClosed(measurement, Endpoint?.Name, context.LocalEndPoint, TimeProvider, reason, errorType);
    }
}
