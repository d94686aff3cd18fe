using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer.Diagnostics;

/// <summary>
/// The instruments of the library. Where nobody listens to one, it costs a look at a field for each connection. What a listener throws
/// comes out of the instrument, and ends here: it must not reach the connection that is measured.
/// </summary>
internal sealed class SocketServerMetrics
{
    public const string MeterName = "KestrelSocketServer";

    private readonly UpDownCounter<long> _activeConnections;
    private readonly Histogram<double> _connectionDuration;
    private readonly Histogram<double> _handshakeDuration;
    private readonly Counter<long> _blockedHandlers;
    private readonly Counter<long> _rejectedConnections;
    private readonly Meter _meter;
    private readonly ILogger _logger;
    private int _hasFailed;

    public SocketServerMetrics(IMeterFactory meterFactory, ILogger logger)
    {
        _logger = logger;
        Meter meter = _meter = meterFactory.Create(MeterName);
        _activeConnections = meter.CreateUpDownCounter<long>(
            "socket_server.active_connections", "{connection}", "Number of connections that are open.");
        _connectionDuration = meter.CreateHistogram(
            "socket_server.connection.duration", "s", "The duration of connections.",
            advice: Buckets(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 1800, 3600));
        _handshakeDuration = meter.CreateHistogram(
            "socket_server.tls_handshake.duration", "s", "The duration of TLS handshakes.",
            advice: Buckets(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10));
        _blockedHandlers = meter.CreateCounter<long>(
            "socket_server.blocked_handlers", "{handler}", "Number of times that a handler has held its event loop for too long.");
        _rejectedConnections = meter.CreateCounter<long>(
            "socket_server.rejected_connections", "{connection}", "Number of connections that were refused.");
    }

    /// <summary>Tells of what is unsent, when somebody asks.</summary>
    public void ObserveUnsent(Func<long> unsent) => _meter.CreateObservableUpDownCounter(
        "socket_server.unsent", unsent, "By", "Bytes that handlers have written and peers have not taken, on all connections.");

    /// <summary>Measures with the services' meters; null where they have none.</summary>
    public static SocketServerMetrics? From(IServiceProvider services)
    {
        ILoggerFactory loggers = services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance;
        return services.GetService<IMeterFactory>() is { } meterFactory
            ? new SocketServerMetrics(meterFactory, SafeLoggerFactory.For(loggers).CreateLogger(SocketServerLog.Category))
            : null;
    }

    /// <summary>A connection is open.</summary>
    public ConnectionMeasurement OnOpened(string? endpoint, EndPoint? local, TimeProvider timeProvider)
    {
        bool isCounted = _activeConnections.Enabled;
        if (isCounted)
        {
            Count(1, TagsOf(endpoint, local));
        }

        bool isTimed = _connectionDuration.Enabled;
        return new ConnectionMeasurement(isTimed ? timeProvider.GetTimestamp() : 0, isTimed, isCounted);
    }

    /// <summary>A connection is closed.</summary>
    public void OnClosed(in ConnectionMeasurement measurement, string? endpoint, EndPoint? local, TimeProvider timeProvider, SocketCloseReason reason, string? errorType)
    {
        if (measurement.IsCounted)
        {
            // Whoever has counted it in has to count it out.
            Count(-1, TagsOf(endpoint, local));
        }

        if (measurement.IsTimed && _connectionDuration.Enabled)
        {
            TagList tags = TagsOf(endpoint, local);
            tags.Add("socket_server.close_reason", NameOf(reason));
            AddError(ref tags, errorType);
            Record(_connectionDuration, timeProvider.GetElapsedTime(measurement.Started), tags);
        }
    }

    /// <summary>A TLS handshake is over.</summary>
    public void OnHandshake(string? endpoint, ConnectionContext connection, TimeSpan duration, Exception? failure)
    {
        if (_handshakeDuration.Enabled)
        {
            TagList tags = TagsOf(endpoint, connection.LocalEndPoint);
            if (failure is null
                && connection.Features.Get<ITlsHandshakeFeature>()?.Protocol is (SslProtocols.Tls12 or SslProtocols.Tls13) and { } protocol)
            {
                tags.Add("tls.protocol.version", protocol == SslProtocols.Tls13 ? "1.3" : "1.2");
            }

            AddError(ref tags, failure?.GetType().FullName);
            Record(_handshakeDuration, duration, tags);
        }
    }

    /// <summary>A handler has held its event loop for too long.</summary>
    public void OnHandlerBlocked(string? endpoint, EndPoint? local, string handler)
    {
        if (_blockedHandlers.Enabled)
        {
            TagList tags = TagsOf(endpoint, local);
            tags.Add("socket_server.handler", handler);
            try
            {
                _blockedHandlers.Add(1, tags);
            }
            catch (Exception exception)
            {
                OnFault(exception);
            }
        }
    }

    /// <summary>Whether refused connections are measured.</summary>
    public bool CountsRejections => _rejectedConnections.Enabled;

    /// <summary>The tags of refused connections, for <see cref="OnRejected"/>.</summary>
    public static KeyValuePair<string, object?>[] TagsOfRejection(string? endpoint, EndPoint? local, string reason, bool isDryRun)
    {
        TagList tags = TagsOf(endpoint, local);
        tags.Add("socket_server.rejection_reason", reason);
        if (isDryRun)
        {
            tags.Add("socket_server.dry_run", true);
        }

        return [.. tags];
    }

    /// <summary>A connection was refused.</summary>
    public void OnRejected(KeyValuePair<string, object?>[] tags)
    {
        try
        {
            _rejectedConnections.Add(1, tags);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    private void Count(long change, in TagList tags)
    {
        try
        {
            _activeConnections.Add(change, tags);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    private void Record(Histogram<double> histogram, TimeSpan duration, in TagList tags)
    {
        try
        {
            histogram.Record(duration.TotalSeconds, tags);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    private void OnFault(Exception exception)
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) == 0)
        {
            _logger.MeasurementFault(exception);
        }
    }

    private static TagList TagsOf(string? endpoint, EndPoint? local)
    {
        var tags = new TagList();
        if (endpoint is not null)
        {
            tags.Add("socket_server.endpoint", endpoint);
        }

        switch (local)
        {
            case IPEndPoint ip:
                tags.Add("network.transport", "tcp");
                tags.Add("server.address", (ip.Address.IsIPv4MappedToIPv6 ? ip.Address.MapToIPv4() : ip.Address).ToString());
                tags.Add("server.port", ip.Port);
                break;
            case UnixDomainSocketEndPoint unix:
                tags.Add("network.transport", "unix");
                tags.Add("server.address", unix.ToString());
                break;
        }

        return tags;
    }

    private static void AddError(ref TagList tags, string? errorType)
    {
        if (errorType is not null)
        {
            tags.Add("error.type", errorType);
        }
    }

    private static string NameOf(SocketCloseReason reason) => reason switch
    {
        SocketCloseReason.PeerEnded => "peer_ended",
        SocketCloseReason.PeerReset => "peer_reset",
        SocketCloseReason.LocalEnd => "local_end",
        SocketCloseReason.LocalClose => "local_close",
        SocketCloseReason.WriteLimit => "write_limit",
        SocketCloseReason.Idle => "idle",
        SocketCloseReason.Shutdown => "shutdown",
        SocketCloseReason.HandlerFault => "handler_fault",
        SocketCloseReason.FirstByteTimeout => "first_byte_timeout",
        SocketCloseReason.ReadTimeout => "read_timeout",
        SocketCloseReason.WriteTimeout => "write_timeout",
        SocketCloseReason.HalfClosedTimeout => "half_closed_timeout",
        SocketCloseReason.MaxAge => "max_age",
        SocketCloseReason.Limit => "limit",
        SocketCloseReason.ProtocolViolation => "protocol_violation",
        SocketCloseReason.MessageTimeout => "message_timeout",
        _ => "transport_fault",
    };

    private static InstrumentAdvice<double> Buckets(params double[] boundaries) => new() { HistogramBucketBoundaries = boundaries };
}
