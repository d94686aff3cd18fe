using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Gate;
using KestrelSocketServer.ProxyProtocol;
using KestrelSocketServer.Tls;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Servers;

/// <summary>
/// What the <see cref="ListenOptions"/> extensions collect for one endpoint. They find it through the options' services,
/// as the options themselves have no place for it.
/// </summary>
internal sealed class EndpointContext(SocketServer server, ListenAddress address, SocketListenerOptions listener, ConnectionSettings settings) : IKeyedServiceProvider
{
    private static readonly TimeSpan BlockedLogInterval = TimeSpan.FromMinutes(1);

    private readonly LogInterval _blockedLog = new(settings.TimeProvider, BlockedLogInterval);
    private string? _handlerName;
    private bool _handlerIsBehindTls;
    private bool _hasTls;

    public SocketServer Server { get; } = server;

    public ListenAddress Address { get; } = address;

    public ConnectionSettings Settings { get; } = settings;

    public SocketListenerOptions Listener { get; } = listener;

    /// <summary>The certificates of TLS that are read from files and stores.</summary>
    public CertificateSources Certificates { get; } = new(settings.TimeProvider, settings.Logger, server.Certificates);

    /// <summary>How headers of the PROXY protocol are read; null where they are not.</summary>
    public ProxyProtocolOptions? ProxyProtocol { get; private set; }

    /// <summary>Where its clients may come from.</summary>
    public SocketAccessOptions Access { get; init; } = new();

    /// <summary>Whom its gate lets in, once it is configured.</summary>
    public GateRules Rules { get; private set; } = new();

    /// <summary>The application's own services.</summary>
    public required IServiceProvider ApplicationServices { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">The value is less than <paramref name="least"/>.</exception>
    public T AtLeast<T>(T least, T value, [CallerArgumentExpression(nameof(value))] string option = "")
        where T : IComparable<T>
        => value.CompareTo(least) >= 0 ? value : throw new ArgumentOutOfRangeException(
            option, value, $"Endpoint '{Server.Name}': {option} is {value}; it must be at least {least}.");

    /// <summary>Ends the pipeline with a handler.</summary>
    /// <param name="listen">The options of the endpoint.</param>
    /// <param name="handler">The handler.</param>
    /// <param name="name">What the handler is called in logs and metrics.</param>
    public void UseSocketHandler(ListenOptions listen, ConnectionDelegate handler, string name)
    {
        if (_handlerName is not null)
        {
            throw new InvalidOperationException($"Endpoint '{Server.Name}' has two handlers; the first one never passes a connection on.");
        }

        _handlerName = name;
        _handlerIsBehindTls = _hasTls;
        listen.Use(_ => handler);
    }

    // Checks the endpoint once it is configured.
    private void Complete(ListenOptions listen)
    {
        if (_handlerName is null)
        {
            if (!Server.OpenConnections.HasSubscriber)
            {
                throw new InvalidOperationException(
                    $"Endpoint '{Server.Name}' has no handler: call UseSocketHandler in its configuration, or subscribe to the server's Connection event before it listens.");
            }

            UseSocketHandler(
                listen,
                context => SocketConnection.RunAsync(context, Settings, static _ => Task.CompletedTask),
                $"{nameof(ISocketServer)}.{nameof(ISocketServer.Connection)}");
        }

        if (_hasTls && !_handlerIsBehindTls)
        {
            throw new InvalidOperationException($"Endpoint '{Server.Name}': call UseHttps before UseSocketHandler, as the handler would see the encrypted bytes.");
        }

        if (Listener.AcceptorPerLoop && Address.EndPoint is not IPEndPoint)
        {
            throw new InvalidOperationException(
                $"Endpoint '{Server.Name}': {nameof(Listener.AcceptorPerLoop)} is set, but {Address} has one socket; it is allowed for an IP address with a port, such as 127.0.0.1:8007.");
        }

        if (ProxyProtocol is { Mode: ProxyProtocolMode.Require } proxy
            && Address.EndPoint is UnixDomainSocketEndPoint && !proxy.TrustedProxies.Any(TrustedProxies.IsUnix))
        {
            throw new InvalidOperationException(
                $"Endpoint '{Server.Name}': {Address} is a Unix domain socket, whose clients have no IP addresses; add {TrustedProxies.Unix} to {nameof(proxy.TrustedProxies)}.");
        }

        if (Address.IsTls && !_hasTls)
        {
            throw new InvalidOperationException($"Endpoint '{Server.Name}': {Address} asks for TLS; call UseHttps with a certificate in its configuration.");
        }

        Settings.Options.Validate(Server.Name);
        Rules = GateRules.From(
            Settings.Options, NetworkList.Parse(Access.Allow), NetworkList.Parse(Access.Deny), isPlain: !_hasTls, Settings.TimeProvider) with
        {
            Proxies = ProxyProtocol is null or { Mode: ProxyProtocolMode.Off } ? null : new TrustedProxies(ProxyProtocol.TrustedProxies).Networks,
        };
    }

    /// <summary>Makes the gate of what listens with its rules.</summary>
    /// <param name="local">Where it listens.</param>
    public ListenerGate CreateGate(EndPoint? local) => new(Server.Gate, Rules, new RefusalMeter(Settings.Metrics, Server.Name, local));

    // Decides once more on a client that came in through a proxy, now that its own address is known. A proxy that speaks for itself, as in a
    // health check, is no client.
    private bool TryAdmit(ConnectionContext context, IPAddress client)
    {
        bool isProxyItself = Equals(context.Features.Get<IProxyProtocolFeature>()?.SocketRemoteEndPoint, context.RemoteEndPoint);
        if (isProxyItself || context.Features.Get<IConnectionControl>() is not TransportConnection connection)
        {
            return true;
        }

        int ticket = connection.Ticket;
        bool mayStay = Server.Gate.TryAdmit(Rules, new RefusalMeter(Settings.Metrics, Server.Name, connection.LocalEndPoint), client, ref ticket);
        connection.Ticket = ticket;
        return mayStay;
    }

    /// <summary>TLS is among the middleware.</summary>
    /// <returns>What its handshakes are reported to.</returns>
    public TlsObserver UseTls()
    {
        _hasTls = true;
        return new TlsObserver(
            Settings.Logger,
            OnHandshakeEnded,
            (connection, fault) => Server.OpenConnections.RaiseError(
                new SocketServerError(SocketServerErrorStage.Certificate, fault, connection.ConnectionId, connection.RemoteEndPoint)),
            new HandshakeTurns(Server.Gate, Settings.Metrics, Server.Name));
    }

    /// <summary>Reads headers of the PROXY protocol, before TLS. The last call counts.</summary>
    /// <exception cref="InvalidOperationException">It is called too late, or an option cannot work.</exception>
    public void UseProxyProtocol(ProxyProtocolOptions options)
    {
        if (_handlerName is not null)
        {
            throw new InvalidOperationException(
                $"Endpoint '{Server.Name}': call UseProxyProtocol before UseSocketHandler, as the handler would see the PROXY header.");
        }

        // Where configuration has made room for it before TLS, it may come later.
        if (_hasTls && ProxyProtocol is null)
        {
            throw new InvalidOperationException(
                $"Endpoint '{Server.Name}': call UseProxyProtocol before UseHttps, as the PROXY header comes before TLS, in clear.");
        }

        ProxyProtocolOptionsValidator.Validate(options, Server.Name);
        ProxyProtocol = options;
    }

    /// <summary>Builds what runs the connections, once the endpoint is configured.</summary>
    /// <exception cref="InvalidOperationException">Its parts do not fit together.</exception>
    public ConnectionDelegate Build(ListenOptions listen)
    {
        Complete(listen);

        // Around everything, as Kestrel's own TLS puts itself before all other middleware.
        ConnectionDelegate pipeline = listen.Build();
        return ProxyProtocol is null or { Mode: ProxyProtocolMode.Off }
            ? pipeline
            : new ProxyProtocolMiddleware(pipeline, ProxyProtocol, CreateProxyObserver()).RunAsync;
    }

    private ProxyObserver CreateProxyObserver() => new(Server.Name, Settings.Logger, Settings.Metrics, Settings.TimeProvider)
    {
        RaiseError = Server.OpenConnections.RaiseError,
        Admit = TryAdmit,
        ClientsSpeakFirst = _hasTls,
    };

    // A TLS handshake is over.
    private void OnHandshakeEnded(ConnectionContext connection, TimeSpan duration, Exception? failure)
    {
        Settings.Metrics?.OnHandshake(Server.Name, connection, duration, failure);
        if (failure is not null)
        {
            Settings.Logger.HandshakeFailed(connection.ConnectionId, EndPointFormatter.Format(connection.RemoteEndPoint), failure.Message);
            Server.OpenConnections.RaiseError(new SocketServerError(SocketServerErrorStage.Handshake, failure, connection.ConnectionId, connection.RemoteEndPoint));
        }
    }

    /// <summary>A handler has held its event loop for too long.</summary>
    public void OnHandlerBlocked(TransportConnection connection)
    {
        try
        {
            if (_blockedLog.Count() is > 0 and int count)
            {
                Settings.Logger.HandlerBlocked(connection.ConnectionId, Server.Name, _handlerName!, count);
            }
        }
        finally
        {
            // All are measured, whatever the log does.
            Settings.Metrics?.OnHandlerBlocked(Server.Name, connection.LocalEndPoint, _handlerName!);
        }
    }

    public object? GetService(Type serviceType)
        => serviceType == typeof(EndpointContext) ? this
            : serviceType == typeof(ILoggerFactory) ? SafeLoggerFactory.For(ApplicationServices.GetRequiredService<ILoggerFactory>())
            : ApplicationServices.GetService(serviceType);

    public object? GetKeyedService(Type serviceType, object? serviceKey)
        => (ApplicationServices as IKeyedServiceProvider)?.GetKeyedService(serviceType, serviceKey);

    public object GetRequiredKeyedService(Type serviceType, object? serviceKey)
        => ApplicationServices.GetRequiredKeyedService(serviceType, serviceKey);

    /// <exception cref="InvalidOperationException">The options belong to an endpoint of the application's own Kestrel.</exception>
    public static EndpointContext Get(ListenOptions listenOptions, string option)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);

        return listenOptions.ApplicationServices?.GetService<EndpointContext>() ?? throw new InvalidOperationException(
            $"{option} works for the endpoints of {nameof(WebHostBuilderSocketServerExtensions.UseSocketServer)} only: Kestrel's own listeners have no options per endpoint.");
    }
}
