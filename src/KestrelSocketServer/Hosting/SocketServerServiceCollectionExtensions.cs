using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using KestrelSocketServer;
using KestrelSocketServer.Configuration;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Hosting;
using KestrelSocketServer.Tls.KestrelHttps;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds raw TCP and TLS endpoints to any host.</summary>
public static class SocketServerServiceCollectionExtensions
{
    /// <summary>Adds the endpoints of the section <c>SocketServer</c>, which listen while the host runs; it needs no web server.</summary>
    /// <param name="services">The services of the host.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddSocketServer(this IServiceCollection services) => services.AddSocketServer(configure: null);

    /// <summary>
    /// Adds endpoints that listen while the host runs; it needs no web server. Servers are injected by name
    /// (<c>[FromKeyedServices("echo")] ISocketServer</c>) or together as <see cref="ISocketServers"/>. May be called more than
    /// once: the endpoints add up.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configure">Adds the endpoints.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddSocketServer(this IServiceCollection services, Action<SocketServerOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);

        services.AddLogging();
        services.AddOptions<SocketServerOptions>().Configure<IServiceProvider>(ReadDefaultSection).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SocketServerOptions>, SocketServerOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<KestrelHttpsServer>();
        services.TryAddSingleton(static provider => new UnsentAccount(provider.GetRequiredService<IOptions<SocketServerOptions>>().Value.Limits.MaxUnsentBytes));
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

    /// <summary>Adds the endpoints of a section other than <c>SocketServer</c>.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configuration">The section, in place of <c>SocketServer</c>; its changes are followed.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddSocketServer(this IServiceCollection services, IConfiguration configuration)
        => services.AddSocketServer(configuration, configure: null);

    /// <summary>Adds the endpoints of a section other than <c>SocketServer</c>.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configuration">The section, in place of <c>SocketServer</c>; its changes are followed.</param>
    /// <param name="configure">Adds endpoints, and gives those of the section their handlers.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddSocketServer(this IServiceCollection services, IConfiguration configuration, Action<SocketServerOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(configuration);

        services.AddSocketServer();
        services.Configure<SocketServerOptions>(options => Read(configuration, options));
        if (configure is not null)
        {
            services.Configure(configure);
        }

        return services;
    }

    /// <summary>Handles the connections of a configured endpoint with a handler, a singleton that is registered here too.</summary>
    /// <typeparam name="THandler">The type of the handler.</typeparam>
    /// <param name="services">The services of the host.</param>
    /// <param name="endpointName">The name of the endpoint in configuration.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddSocketHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IServiceCollection services, string endpointName)
        where THandler : ConnectionHandler
    {
        services.AddSocketServer(options => options.Endpoint(endpointName).UseSocketHandler<THandler>());
        services.TryAddSingleton<THandler>();
        return services;
    }

    private static void ReadDefaultSection(SocketServerOptions options, IServiceProvider services)
    {
        if (options.Configuration is null && services.GetService<IConfiguration>() is { } configuration)
        {
            Read(configuration.GetSection(SocketServerConfiguration.DefaultSection), options);
        }
    }

    private static void Read(IConfiguration configuration, SocketServerOptions options)
    {
        options.Configuration = configuration;
        if (TimeSpan.TryParse(configuration[nameof(SocketServerOptions.ShutdownTimeout)], CultureInfo.InvariantCulture, out TimeSpan timeout))
        {
            options.ShutdownTimeout = timeout;
        }

        IConfigurationSection transport = configuration.GetSection(nameof(SocketServerOptions.Transport));
        if (ConfigurationKey.AreAllowed(ConfigurationKey.OfServer, transport, nameof(SocketServerOptions.Transport)))
        {
            // Otherwise the validation tells what is wrong, better than the binder does.
            transport.Bind(options.Transport);
        }

        IConfigurationSection limits = configuration.GetSection(nameof(SocketServerOptions.Limits));
        if (ConfigurationKey.AreAllowed(ConfigurationKey.OfServer, limits, nameof(SocketServerOptions.Limits)))
        {
            limits.Bind(options.Limits);
        }
    }
}
