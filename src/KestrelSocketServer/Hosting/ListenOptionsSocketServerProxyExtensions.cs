using KestrelSocketServer;
using KestrelSocketServer.ProxyProtocol;
using KestrelSocketServer.Servers;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>The PROXY protocol, by which load balancers tell the addresses of their clients (rows G17 and G18).</summary>
public static class ListenOptionsSocketServerProxyExtensions
{
    /// <summary>
    /// Takes the addresses of clients from the PROXY header, version 1 or 2, that each trusted proxy has to send first. Clients that come
    /// directly are refused.
    /// </summary>
    /// <remarks>
    /// Before <c>UseHttps</c> and the handler. It has effect on endpoints of UseSocketServer and of the application's own Kestrel; the
    /// latter have no <see cref="ISocketServer.Error"/>, and do not find out when it is called too late.
    /// </remarks>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="trustedProxies">
    /// Addresses and networks, such as <c>10.0.0.5</c> and <c>10.0.0.0/8</c>, and <c>unix</c> for all that comes by a Unix domain socket.
    /// They replace those of the configuration.
    /// </param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="InvalidOperationException">No proxy is named, one is no address, or it is called after <c>UseHttps</c> or the handler.</exception>
    public static ListenOptions UseProxyProtocol(this ListenOptions listenOptions, params string[] trustedProxies)
    {
        ArgumentNullException.ThrowIfNull(trustedProxies);

        return listenOptions.UseProxyProtocol(options =>
        {
            options.TrustedProxies.Clear();
            foreach (string proxy in trustedProxies)
            {
                options.TrustedProxies.Add(proxy);
            }
        });
    }

    /// <summary>Takes the addresses of clients from the PROXY header, version 1 or 2, that each trusted proxy has to send first.</summary>
    /// <remarks>
    /// Before <c>UseHttps</c> and the handler. It has effect on endpoints of UseSocketServer and of the application's own Kestrel; the
    /// latter have no <see cref="ISocketServer.Error"/>, and do not find out when it is called too late.
    /// </remarks>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="configure">
    /// Sets the options, which are those of the configuration; <see cref="ProxyProtocolOptions.Mode"/> is Require where that has none.
    /// </param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="InvalidOperationException">No proxy is named, one is no address, or it is called after <c>UseHttps</c> or the handler.</exception>
    public static ListenOptions UseProxyProtocol(this ListenOptions listenOptions, Action<ProxyProtocolOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        ArgumentNullException.ThrowIfNull(configure);

        IServiceProvider services = listenOptions.ApplicationServices;
        EndpointContext? endpoint = services.GetService<EndpointContext>();
        ProxyProtocolOptions options = endpoint?.ProxyProtocol?.Copy() ?? new ProxyProtocolOptions();
        if (options.Mode == ProxyProtocolMode.Off)
        {
            options.Mode = ProxyProtocolMode.Require;
        }

        configure(options);
        if (endpoint is not null)
        {
            endpoint.UseProxyProtocol(options);
        }
        else
        {
            ProxyProtocolOptionsValidator.Validate(options, endpointName: null);
            if (options.Mode != ProxyProtocolMode.Off)
            {
                ProxyObserver observer = ProxyObserver.From(services);
                listenOptions.Use(next => new ProxyProtocolMiddleware(next, options, observer).RunAsync);
            }
        }

        return listenOptions;
    }
}
