using KestrelSocketServer.Addresses;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Gate;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls;

/// <summary>Told of the handshakes of an endpoint.</summary>
/// <param name="Logger">Logs them.</param>
/// <param name="OnEnded">One is over, after some time, and has failed unless the exception is null.</param>
/// <param name="OnCertificateFailed">An older certificate has to do.</param>
/// <param name="Turns">Gives each handshake its turn; null where any number may be under way.</param>
internal sealed record TlsObserver(
    ILogger Logger, Action<ConnectionContext, TimeSpan, Exception?> OnEnded, Action<ConnectionContext, Exception> OnCertificateFailed,
    HandshakeTurns? Turns = null)
{
    /// <summary>For endpoints of the application's own Kestrel, which have no events.</summary>
    public static TlsObserver From(IServiceProvider services)
    {
        ILogger logger = SafeLoggerFactory.For(services.GetRequiredService<ILoggerFactory>()).CreateLogger(SocketServerLog.Category);
        SocketServerMetrics? metrics = SocketServerMetrics.From(services);
        return new TlsObserver(logger, OnEnded, static (_, _) => { });

        void OnEnded(ConnectionContext connection, TimeSpan duration, Exception? failure)
        {
            metrics?.OnHandshake(null, connection, duration, failure);
            if (failure is not null)
            {
                logger.HandshakeFailed(connection.ConnectionId, EndPointFormatter.Format(connection.RemoteEndPoint), failure.Message);
            }
        }
    }
}
