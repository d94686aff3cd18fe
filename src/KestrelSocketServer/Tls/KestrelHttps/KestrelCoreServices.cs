using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>
/// The services of Kestrel's own that its TLS needs, for a host that has no Kestrel: in a provider apart, so that the
/// application gets no web server that it did not ask for.
/// </summary>
internal sealed class KestrelCoreServices(IServiceProvider application) : IDisposable
{
    private readonly Lazy<ServiceProvider> _services = new(() => Build(application));

    public object? GetService(Type serviceType)
        => serviceType.Assembly == typeof(KestrelServer).Assembly ? _services.Value.GetService(serviceType) : null;

    public void Dispose()
    {
        if (_services.IsValueCreated)
        {
            _services.Value.Dispose();
        }
    }

    private static ServiceProvider Build(IServiceProvider application)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddMetrics();
        new Adapter(services).UseKestrelCore();

        // Instances, as these are not to be disposed of with the provider.
        services.AddSingleton<ILoggerFactory>(SafeLoggerFactory.For(application.GetRequiredService<ILoggerFactory>()));
        Pass<IMeterFactory>(application, services);
        Pass<IHostEnvironment>(application, services);
        return services.BuildServiceProvider();
    }

    private static void Pass<T>(IServiceProvider application, ServiceCollection services)
        where T : class
    {
        if (application.GetService<T>() is { } service)
        {
            services.AddSingleton(service);
        }
    }

    private sealed class Adapter(IServiceCollection services) : IWebHostBuilder
    {
        public IWebHostBuilder ConfigureServices(Action<IServiceCollection> configureServices)
        {
            configureServices(services);
            return this;
        }

        public IWebHostBuilder ConfigureServices(Action<WebHostBuilderContext, IServiceCollection> configureServices)
        {
            configureServices(new WebHostBuilderContext(), services);
            return this;
        }

        public IWebHostBuilder ConfigureAppConfiguration(Action<WebHostBuilderContext, IConfigurationBuilder> configureDelegate) => this;

        public string? GetSetting(string key) => null;

        public IWebHostBuilder UseSetting(string key, string? value) => this;

#pragma warning disable ASPDEPR008 // Part of the interface.
        public IWebHost Build() => throw new NotSupportedException();
#pragma warning restore ASPDEPR008
    }
}
