using System.Net;
using KestrelSocketServer.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer.Tls.KestrelHttps;

/// <summary>
/// The one Kestrel server of a host, made when the first endpoint calls Kestrel's own <c>UseHttps</c>: see the README of this folder.
/// </summary>
internal sealed class KestrelHttpsServer(IServiceProvider application) : IDisposable
{
    private readonly KestrelCoreServices _services = new(application);
    private readonly Lock _lock = new();
    private StandInListener? _listener;
    private KestrelServer? _server;

    /// <summary>Makes the options of an endpoint, bound to nothing, on which Kestrel's own <c>UseHttps</c> works too.</summary>
    /// <param name="endPoint">Where the endpoint listens.</param>
    /// <param name="endpointServices">The services of the endpoint.</param>
    /// <param name="useTls">Called where Kestrel's <c>UseHttps</c> is; returns what its handshakes are reported to.</param>
    public static ListenOptions CreateOptions(EndPoint endPoint, IKeyedServiceProvider endpointServices, Func<TlsObserver> useTls)
    {
        KestrelHttpsServer server = endpointServices.GetRequiredService<KestrelHttpsServer>();
        var services = new KestrelHttpsServices(endpointServices, server._services, useTls);
        ListenOptions? options = null;
        new KestrelServerOptions { ApplicationServices = services }.Listen(endPoint, listen => options = listen);

        // No HTTP, and no HTTP protocol advertised by TLS.
        options!.Protocols = HttpProtocols.None;

        // Before all others; asked when the pipeline is built.
        options.Use(next => services.Observer is { } observer ? new KestrelHttpsMiddleware(next, server.Start(), observer).RunAsync : next);
        return options;
    }

    public void Dispose()
    {
        _server?.Dispose();
        _services.Dispose();
    }

    private StandInListener Start()
    {
        lock (_lock)
        {
            if (_listener is null)
            {
                var listener = new StandInListener();
                var options = new KestrelServerOptions();
                options.Listen(listener.EndPoint, listen =>
                {
                    listen.Protocols = HttpProtocols.None;
                    listen.Run(static standIn => ((KestrelStandIn)standIn).RunAsync());
                });
                var server = new KestrelServer(
                    Options.Create(options), listener, SafeLoggerFactory.For(application.GetRequiredService<ILoggerFactory>()));

                // It waits for nothing, as nothing is bound.
                server.StartAsync(new NoApplication(), CancellationToken.None).GetAwaiter().GetResult();
                (_server, _listener) = (server, listener);
            }

            return _listener;
        }
    }

    // Never called, as there is no HTTP.
    private sealed class NoApplication : IHttpApplication<IFeatureCollection>
    {
        public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

        public Task ProcessRequestAsync(IFeatureCollection context) => Task.CompletedTask;

        public void DisposeContext(IFeatureCollection context, Exception? exception)
        {
        }
    }
}
