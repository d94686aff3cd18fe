using System.Diagnostics.CodeAnalysis;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Messages;
using KestrelSocketServer.Servers;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Hosting;

/// <summary>Ends a connection pipeline with a handler: of an endpoint of ours, of the application's own Kestrel, or of another transport.</summary>
internal static class ConnectionPipeline
{
    public static void Use<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        IConnectionBuilder builder, Action<SocketConnectionOptions>? configure)
        where THandler : ConnectionHandler
    {
        ArgumentNullException.ThrowIfNull(builder);

        THandler handler = Create<THandler>(builder);
        ConnectionSettings settings = Configure(builder, configure);
        ConnectionDelegate run = handler is IConfiguredHandler configured
            ? context => configured.RunAsync(context, settings)
            : context => RunAsync(handler, context, settings);
        End(builder, run, settings, HandlerName.Get(typeof(THandler)));
    }

    public static void Use(IConnectionBuilder builder, Action<ISocketConnection> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        Use(
            builder,
            connection =>
            {
                onConnection(connection);
                return Task.CompletedTask;
            },
            configure,
            HandlerName.Get(onConnection));
    }

    public static void Use(IConnectionBuilder builder, Func<ISocketConnection, Task> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        Use(builder, onConnection, configure, HandlerName.Get(onConnection));
    }

    public static void Use(IConnectionBuilder builder, Func<ISocketConnection, CancellationToken, Task> onConnection, Action<SocketConnectionOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(onConnection);

        Use(builder, connection => onConnection(connection, connection.ConnectionClosed), configure, HandlerName.Get(onConnection));
    }

    private static void Use(IConnectionBuilder builder, Func<ISocketConnection, Task> onConnection, Action<SocketConnectionOptions>? configure, string name)
    {
        ArgumentNullException.ThrowIfNull(builder);

        ConnectionSettings settings = Configure(builder, configure);
        End(builder, context => SocketConnection.RunAsync(context, settings, onConnection), settings, name);
    }

    public static void Use<TMessage>(
        IConnectionBuilder builder,
        IMessageProtocol<TMessage> protocol,
        Func<ISocketConnection<TMessage>, TMessage, Task> onMessage,
        Action<SocketConnectionOptions>? configure,
        Delegate handler)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(protocol);

        ConnectionSettings settings = Configure(builder, configure);
        End(builder, context => MessageConnection<TMessage>.RunAsync(context, settings, protocol, onConnection: null, onMessage), settings, HandlerName.Get(handler));
    }

    // A handler of Kestrel's kind lets through what it does not expect. Kestrel would log that as an error, also where a peer
    // has just left.
    private static async Task RunAsync(ConnectionHandler handler, ConnectionContext context, ConnectionSettings settings)
    {
        ConnectionMeasurement measurement = settings.OnOpened(context);
        SocketCloseReason reason = SocketCloseReason.LocalEnd;
        Exception? failure = null;
        try
        {
            await handler.OnConnectedAsync(context).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ConnectionResetException or ConnectionAbortedException)
        {
            // The peer has left, or the server is stopping.
            reason = exception is ConnectionResetException ? SocketCloseReason.PeerReset : SocketCloseReason.Shutdown;
            failure = exception as ConnectionResetException;
            settings.Logger.HandlerInterrupted(exception, context.ConnectionId);
        }
        catch (Exception exception)
        {
            reason = SocketCloseReason.HandlerFault;
            failure = exception;
            settings.Logger.HandlerFault(exception, context.ConnectionId);
            settings.Endpoint?.RaiseError(new SocketServerError(SocketServerErrorStage.Handler, exception, context.ConnectionId, context.RemoteEndPoint));
        }

        settings.OnClosed(context, measurement, reason, failure?.GetType().FullName);
    }

    private static void End(IConnectionBuilder builder, ConnectionDelegate handler, ConnectionSettings settings, string name)
    {
        if (builder is ListenOptions listen && EndpointOf(builder) is { } endpoint)
        {
            endpoint.UseSocketHandler(listen, handler, name);
        }
        else
        {
            builder.Use(_ => Guard(handler, settings));
        }
    }

    // Puts a gate before the handler, where there are limits, as nobody else does outside an endpoint of ours.
    private static ConnectionDelegate Guard(ConnectionDelegate handler, ConnectionSettings settings)
    {
        GateRules rules = GateRules.From(settings.Options, allow: null, deny: null, isPlain: true, settings.TimeProvider) with { Waits = false };
        if (!rules.LimitsConnections)
        {
            return handler;
        }

        var gate = new AcceptGate(settings.TimeProvider, new RefusalLog(settings.Endpoint?.Name, settings.Logger, settings.TimeProvider, raiseError: null));
        return new GateMiddleware(handler, gate, rules, new RefusalMeter(settings.Metrics, settings.Endpoint?.Name, local: null)).RunAsync;
    }

    private static ConnectionSettings Configure(IConnectionBuilder builder, Action<SocketConnectionOptions>? configure)
    {
        EndpointContext? endpoint = EndpointOf(builder);
        TimeProvider timeProvider = builder.ApplicationServices.GetService<TimeProvider>() ?? TimeProvider.System;
        ConnectionSettings settings = endpoint?.Settings ?? ConnectionSettings.Default with
        {
            Options = new SocketConnectionOptions(),
            Logger = builder.ApplicationServices.GetService<ILoggerFactory>() is { } loggers
                ? SafeLoggerFactory.For(loggers).CreateLogger(SocketServerLog.Category)
                : ConnectionSettings.Default.Logger,
            TimeProvider = timeProvider,
            Clock = new ConnectionClock(timeProvider),
            Unsent = builder.ApplicationServices.GetService<UnsentAccount>(),
            Metrics = SocketServerMetrics.From(builder.ApplicationServices),
        };
        configure?.Invoke(settings.Options);
        settings.Options.Validate(endpoint?.Server.Name);
        return settings;
    }

    private static THandler Create<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(IConnectionBuilder builder)
        where THandler : ConnectionHandler
    {
        EndpointContext? endpoint = EndpointOf(builder);
        try
        {
            return endpoint is null
                ? ActivatorUtilities.GetServiceOrCreateInstance<THandler>(builder.ApplicationServices)
                : (THandler)endpoint.Server.Handlers.GetOrAdd(
                    typeof(THandler), _ => ActivatorUtilities.GetServiceOrCreateInstance<THandler>(endpoint.ApplicationServices));
        }
        catch (InvalidOperationException exception)
        {
            string subject = endpoint is null ? "The handler" : $"Endpoint '{endpoint.Server.Name}': the handler";
            throw new InvalidOperationException(
                $"{subject} {typeof(THandler)} cannot be made: register it, or the services that its constructor needs. {exception.Message}", exception);
        }
    }

    private static EndpointContext? EndpointOf(IConnectionBuilder builder) => builder.ApplicationServices?.GetService<EndpointContext>();
}
