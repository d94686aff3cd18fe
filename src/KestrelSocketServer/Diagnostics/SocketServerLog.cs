using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Diagnostics;

/// <summary>Every log line of the library; the event ids are stable.</summary>
internal static partial class SocketServerLog
{
    private static readonly Func<ILogger, string, IDisposable?> ConnectionScope = LoggerMessage.DefineScope<string>("ConnectionId:{ConnectionId}");

    /// <summary>The category of the lines about servers and their connections.</summary>
    public const string Category = "KestrelSocketServer";

    [LoggerMessage(1, LogLevel.Information, "Endpoint {EndpointName} is listening on {Address}.", EventName = "Listening")]
    public static partial void Listening(this ILogger logger, string endpointName, string address);

    [LoggerMessage(2, LogLevel.Information, "Endpoint {EndpointName} has stopped listening on {Address}.", EventName = "StoppedListening")]
    public static partial void StoppedListening(this ILogger logger, string endpointName, string address);

    [LoggerMessage(3, LogLevel.Warning, "Endpoint {EndpointName} could not accept a connection; accepting again in {Delay}.", EventName = "AcceptFailed")]
    public static partial void AcceptFailed(this ILogger logger, Exception exception, string endpointName, TimeSpan delay);

    [LoggerMessage(4, LogLevel.Debug, "Endpoint {EndpointName} has paused accepting.", EventName = "AcceptingPaused")]
    public static partial void AcceptingPaused(this ILogger logger, string endpointName);

    [LoggerMessage(5, LogLevel.Debug, "Endpoint {EndpointName} has resumed accepting.", EventName = "AcceptingResumed")]
    public static partial void AcceptingResumed(this ILogger logger, string endpointName);

    [LoggerMessage(6, LogLevel.Warning, "A subscriber of an event of {Subject} threw.", EventName = "SubscriberFault")]
    public static partial void SubscriberFault(this ILogger logger, Exception exception, string subject);

    [LoggerMessage(7, LogLevel.Information, "Endpoint {EndpointName} closes its {Count} connections: they have not ended within the shutdown time-out of {Timeout}.", EventName = "ShutdownTimedOut")]
    public static partial void ShutdownTimedOut(this ILogger logger, string endpointName, int count, TimeSpan timeout);

    [LoggerMessage(8, LogLevel.Information, "The endpoints follow the changed configuration.", EventName = "ConfigurationApplied")]
    public static partial void ConfigurationApplied(this ILogger logger);

    [LoggerMessage(9, LogLevel.Error, "The changed configuration cannot be applied; the endpoints stay as they are.", EventName = "ConfigurationRefused")]
    public static partial void ConfigurationRefused(this ILogger logger, Exception exception);

    [LoggerMessage(22, LogLevel.Error, "Endpoint {EndpointName} cannot be given its address back; it does not listen.", EventName = "RestoreFailed")]
    public static partial void RestoreFailed(this ILogger logger, Exception exception, string endpointName);

    [LoggerMessage(20, LogLevel.Warning, "Configuration key {Key} is not known and has no effect.", EventName = "UnknownKey")]
    public static partial void UnknownKey(this ILogger logger, string key);

    [LoggerMessage(21, LogLevel.Warning, "Configuration key {Key} is not known and has no effect; did you mean {Nearest}?", EventName = "UnknownKeyNearKnown")]
    public static partial void UnknownKeyNearKnown(this ILogger logger, string key, string nearest);

    [LoggerMessage(85, LogLevel.Warning, "Configuration key {Key} has a new name, and still works: write {NewKey}.", EventName = "RenamedKey")]
    public static partial void RenamedKey(this ILogger logger, string key, string newKey);

    [LoggerMessage(10, LogLevel.Warning, "Connection id \"{ConnectionId}\": the handler threw; the connection is closed.", EventName = "HandlerFault")]
    public static partial void HandlerFault(this ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(11, LogLevel.Debug, "Connection id \"{ConnectionId}\": the last bytes could not be sent.", EventName = "CompleteFailed")]
    public static partial void CompleteFailed(this ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(30, LogLevel.Debug, "Connection id \"{ConnectionId}\": the TLS handshake with {RemoteAddress} failed: {Reason}", EventName = "HandshakeFailed")]
    public static partial void HandshakeFailed(this ILogger logger, string connectionId, string? remoteAddress, string reason);

    [LoggerMessage(31, LogLevel.Warning, "A certificate cannot be loaded.", EventName = "CertificateFailed")]
    public static partial void CertificateFailed(this ILogger logger, Exception exception);

    [LoggerMessage(66, LogLevel.Warning, "Of the certificates in {Source} these are not sent, as they are not on the way from the server's own to a root: {Subjects}.", EventName = "CertificatesNotSent")]
    public static partial void CertificatesNotSent(this ILogger logger, string source, string subjects);

    [LoggerMessage(67, LogLevel.Debug, "Of the certificates in {Source} the root is not sent, as clients that trust it have it: {Subjects}.", EventName = "RootNotSent")]
    public static partial void RootNotSent(this ILogger logger, string source, string subjects);

    [LoggerMessage(12, LogLevel.Debug, "Connection id \"{ConnectionId}\": the handler was interrupted by the end of the connection.", EventName = "HandlerInterrupted")]
    public static partial void HandlerInterrupted(this ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(13, LogLevel.Debug, "Connection id \"{ConnectionId}\" of endpoint {EndpointName} is closed: {CloseReason}.", EventName = "ConnectionClosed")]
    public static partial void ConnectionClosed(this ILogger logger, string connectionId, string? endpointName, SocketCloseReason closeReason);

    [LoggerMessage(40, LogLevel.Information, "Connection id \"{ConnectionId}\": the handler of endpoint {EndpointName}, {Handler}, has held its event loop for too long; other connections go on on another thread. Times since the last such line, of which there is one a minute at most: {Count}.", EventName = "HandlerBlocked")]
    public static partial void HandlerBlocked(this ILogger logger, string connectionId, string endpointName, string handler, int count);

    [LoggerMessage(41, LogLevel.Error, "Too many handlers block: there is no further thread for their event loops, whose other connections wait.", EventName = "NoLoopThread")]
    public static partial void NoLoopThread(this ILogger logger);

    [LoggerMessage(50, LogLevel.Warning, "A handler holds its event loop, and the system has no thread or no descriptors for another thread: the other connections of the loop wait.", EventName = "NoDescriptorForLoopThread")]
    public static partial void NoDescriptorForLoopThread(this ILogger logger);

    [LoggerMessage(42, LogLevel.Error, "An event loop met an exception that nobody expected; it goes on.", EventName = "LoopFault")]
    public static partial void LoopFault(this ILogger logger, Exception exception);

    [LoggerMessage(55, LogLevel.Information, "Endpoint {EndpointName} replaces {Path}: a socket that a process has left there, and that nobody listens on.", EventName = "StaleSocketReplaced")]
    public static partial void StaleSocketReplaced(this ILogger logger, string endpointName, string path);

    [LoggerMessage(14, LogLevel.Warning, "Connection id \"{ConnectionId}\": a heartbeat action threw.", EventName = "HeartbeatFault")]
    public static partial void HeartbeatFault(this ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(63, LogLevel.Debug, "Connection id \"{ConnectionId}\" of endpoint {EndpointName} has dropped {ByteCount} bytes that its peer sent and nobody read.", EventName = "InputDiscarded")]
    public static partial void InputDiscarded(this ILogger logger, string connectionId, string? endpointName, long byteCount);

    [LoggerMessage(71, LogLevel.Error, "The changed configuration cannot be read; the endpoints stay as they are until it can.", EventName = "ReloadFailed")]
    public static partial void ReloadFailed(this ILogger logger, Exception exception);

    [LoggerMessage(72, LogLevel.Warning, "The system has no room for the changed configuration; the endpoints stay as they are, and it is tried again until it is applied.", EventName = "ReloadPostponed")]
    public static partial void ReloadPostponed(this ILogger logger, Exception exception);

    [LoggerMessage(73, LogLevel.Warning, "There is no endpoint to listen on: neither code nor the configuration section {Section} has one that is enabled. The content root, where settings files are looked for, is {ContentRoot}.", EventName = "NoEndpoint")]
    public static partial void NoEndpoint(this ILogger logger, string section, string? contentRoot);

    [LoggerMessage(74, LogLevel.Information, "The configuration file {Path} is a link, or below one: when that is made to point elsewhere, as Kubernetes does, it is noticed only with DOTNET_USE_POLLING_FILE_WATCHER=1 in the environment.", EventName = "LinkedConfigurationFile")]
    public static partial void LinkedConfigurationFile(this ILogger logger, string path);

    [LoggerMessage(75, LogLevel.Warning, "A listener of the meter threw; this is logged once.", EventName = "MeasurementFault")]
    public static partial void MeasurementFault(this ILogger logger, Exception exception);

    [LoggerMessage(90, LogLevel.Warning, "Endpoint {EndpointName} refuses clients by {Option}: {Count} since the last such line, of which there is one in ten seconds at most. The last one came from {RemoteAddress}.", EventName = "Refused")]
    public static partial void Refused(this ILogger logger, string? endpointName, string option, int count, string remoteAddress);

    [LoggerMessage(91, LogLevel.Warning, "Endpoint {EndpointName} would refuse clients by {Option}, were it not for DryRun: {Count} since the last such line, of which there is one in ten seconds at most. The last one came from {RemoteAddress}.", EventName = "WouldRefuse")]
    public static partial void WouldRefuse(this ILogger logger, string? endpointName, string option, int count, string remoteAddress);

    [LoggerMessage(100, LogLevel.Debug, "Connection id \"{ConnectionId}\": the proxy {ProxyAddress} speaks for {RemoteAddress}.", EventName = "ProxyHeaderRead")]
    public static partial void ProxyHeaderRead(this ILogger logger, string connectionId, string? proxyAddress, string? remoteAddress);

    [LoggerMessage(101, LogLevel.Warning, "Connection id \"{ConnectionId}\" from the proxy {ProxyAddress} to endpoint {EndpointName} is refused: {Reason}", EventName = "ProxyRefused")]
    public static partial void ProxyRefused(this ILogger logger, string connectionId, string? proxyAddress, string? endpointName, string reason);

    [LoggerMessage(102, LogLevel.Information, "Connection id \"{ConnectionId}\" from {RemoteAddress} to endpoint {EndpointName} is refused: {Reason}", EventName = "DirectClientRefused")]
    public static partial void DirectClientRefused(this ILogger logger, string connectionId, string? remoteAddress, string? endpointName, string reason);

    [LoggerMessage(110, LogLevel.Information, "Endpoint {EndpointName} waits for {Count} connections to end; it has waited for {Elapsed}.", EventName = "Draining")]
    public static partial void Draining(this ILogger logger, string endpointName, int count, TimeSpan elapsed);

    [LoggerMessage(111, LogLevel.Information, "Endpoint {EndpointName} is drained: {Count} connections are left after {Elapsed}.", EventName = "Drained")]
    public static partial void Drained(this ILogger logger, string endpointName, int count, TimeSpan elapsed);

    [LoggerMessage(112, LogLevel.Warning, "Connection id \"{ConnectionId}\": looking at its time-outs threw.", EventName = "TimeoutFault")]
    public static partial void TimeoutFault(this ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(130, LogLevel.Debug, "Connection id \"{ConnectionId}\" of endpoint {EndpointName}: the peer broke the protocol. {Violation}", EventName = "ProtocolViolated")]
    public static partial void ProtocolViolated(this ILogger logger, string connectionId, string? endpointName, string violation);

    /// <summary>Puts the connection's id, as Kestrel does, on all that is logged in its flow; nothing where nobody logs.</summary>
    public static IDisposable? BeginConnectionScope(this ILogger logger, ConnectionContext connection)
        => logger.IsEnabled(LogLevel.Critical) ? ConnectionScope(logger, connection.ConnectionId) : null;
}
