using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>Every log line of the library; the event ids are stable.</summary>
internal static partial class SocketServerLog
{
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

    [LoggerMessage(6, LogLevel.Warning, "A subscriber of an event of endpoint {EndpointName} threw.", EventName = "SubscriberFault")]
    public static partial void SubscriberFault(this ILogger logger, Exception exception, string endpointName);

    [LoggerMessage(7, LogLevel.Information, "Endpoint {EndpointName} closes its {Count} connections: they have not ended within the shutdown time-out of {Timeout}.", EventName = "ShutdownTimedOut")]
    public static partial void ShutdownTimedOut(this ILogger logger, string endpointName, int count, TimeSpan timeout);

    [LoggerMessage(10, LogLevel.Warning, "Connection id \"{ConnectionId}\": the handler threw; the connection is closed.", EventName = "HandlerFault")]
    public static partial void HandlerFault(this ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(11, LogLevel.Debug, "Connection id \"{ConnectionId}\": the last bytes could not be sent.", EventName = "CompleteFailed")]
    public static partial void CompleteFailed(this ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(12, LogLevel.Debug, "Connection id \"{ConnectionId}\": the handler was interrupted by the end of the connection.", EventName = "HandlerInterrupted")]
    public static partial void HandlerInterrupted(this ILogger logger, Exception exception, string connectionId);
}
