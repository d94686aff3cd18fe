using System.Net;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>Told of the headers of an endpoint: counts each refusal, and logs and raises those of one reason at most once in ten seconds.</summary>
/// <param name="endpointName">The endpoint; null for one of the application's own Kestrel.</param>
/// <param name="logger">Logs them.</param>
/// <param name="metrics">Counts them; null where nothing is measured.</param>
/// <param name="timeProvider">The clock.</param>
internal sealed class ProxyObserver(string? endpointName, ILogger logger, SocketServerMetrics? metrics, TimeProvider timeProvider)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, LogInterval> _intervals = new[]
    {
        ProxyHeaderFault.Missing, ProxyHeaderFault.Malformed, ProxyHeaderFault.TooLong, ProxyHeaderFault.Late, ProxyHeaderFault.Untrusted,
    }.ToDictionary(reason => reason, _ => new LogInterval(timeProvider, Interval));

    public TimeProvider TimeProvider => timeProvider;

    /// <summary>Raises the error event.</summary>
    public Action<SocketServerError>? RaiseError { get; init; }

    /// <summary>Asked, once the address of a client is known, whether it may come in (row G18); it reports its own refusals.</summary>
    public Func<ConnectionContext, IPAddress, bool>? Admit { get; init; }

    /// <summary>Whether clients speak first, as with TLS: those who leave before they do were never there.</summary>
    public bool ClientsSpeakFirst { get; init; }

    /// <summary>For endpoints of the application's own Kestrel, which have no events.</summary>
    public static ProxyObserver From(IServiceProvider services) => new(
        null,
        SafeLoggerFactory.For(services.GetRequiredService<ILoggerFactory>()).CreateLogger(SocketServerLog.Category),
        SocketServerMetrics.From(services),
        services.GetService<TimeProvider>() ?? TimeProvider.System);

    /// <summary>A header was read.</summary>
    public void OnRead(ConnectionContext connection, EndPoint? proxy)
    {
        if (logger.IsEnabled(LogLevel.Debug))
        {
            logger.ProxyHeaderRead(connection.ConnectionId, EndPointFormatter.Format(proxy), EndPointFormatter.Format(connection.RemoteEndPoint));
        }
    }

    /// <summary>A client is refused.</summary>
    public void OnRefused(ConnectionContext connection, ProxyHeaderFault fault)
    {
        int count = _intervals[fault.Reason].Count();
        if (metrics is { CountsRejections: true })
        {
            metrics.OnRejected(SocketServerMetrics.TagsOfRejection(endpointName, connection.LocalEndPoint, fault.Reason, isDryRun: false));
        }

        if (count == 0)
        {
            return;
        }

        string message = count == 1 ? fault.Message : $"{fault.Message} There were {count} such clients since the last one that was told of.";
        string? address = EndPointFormatter.Format(connection.RemoteEndPoint);
        if (fault.Reason == ProxyHeaderFault.Untrusted)
        {
            logger.DirectClientRefused(connection.ConnectionId, address, endpointName, message);
        }
        else
        {
            logger.ProxyRefused(connection.ConnectionId, address, endpointName, message);
        }

        RaiseError?.Invoke(new SocketServerError(
            SocketServerErrorStage.ProxyProtocol,
            fault.Reason switch
            {
                ProxyHeaderFault.Late => new TimeoutException(message),
                ProxyHeaderFault.Untrusted => new UnauthorizedAccessException(message),
                _ => new InvalidDataException(message),
            },
            connection.ConnectionId,
            connection.RemoteEndPoint));
    }
}
