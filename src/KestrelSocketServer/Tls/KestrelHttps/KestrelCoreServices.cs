using System.Diagnostics.Metrics;
using KestrelSocketServer.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls.KestrelHttps;

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
        // Never built as an application; only what registers the services.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();

        // Instances, as these are not to be disposed of with the provider.
        builder.Services.AddSingleton<ILoggerFactory>(SafeLoggerFactory.For(application.GetRequiredService<ILoggerFactory>()));
        Pass<IMeterFactory>(application, builder.Services);
        Pass<IHostEnvironment>(application, builder.Services);
        return builder.Services.BuildServiceProvider();
    }

    private static void Pass<T>(IServiceProvider application, IServiceCollection services)
        where T : class
    {
        if (application.GetService<T>() is { } service)
        {
            services.AddSingleton(service);
        }
    }
}
