using KestrelSocketServer;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds raw TCP and TLS endpoints to any host.</summary>
public static class SocketServerServiceCollectionExtensions
{
    /// <summary>
    /// Adds endpoints that listen while the host runs; it needs no web server. Servers are injected by name
    /// (<c>[FromKeyedServices("echo")] ISocketServer</c>) or together as <see cref="ISocketServers"/>. May be called more than
    /// once: the endpoints add up.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configure">Adds the endpoints.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddSocketServer(this IServiceCollection services, Action<SocketServerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);

        services.AddLogging();
        services.AddOptions<SocketServerOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SocketServerOptions>, SocketServerOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<SocketServers>();
        services.TryAddSingleton<ISocketServers>(static provider => provider.GetRequiredService<SocketServers>());
        services.TryAddKeyedSingleton<ISocketServer>(
            KeyedService.AnyKey,
            static (provider, name) => provider.GetRequiredService<SocketServers>().Get(name as string
                ?? throw new InvalidOperationException($"A server is injected by the name of its endpoint, a string; '{name}' is none.")));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, SocketServerService>());
        if (configure is not null)
        {
            services.Configure(configure);
        }

        return services;
    }
}
