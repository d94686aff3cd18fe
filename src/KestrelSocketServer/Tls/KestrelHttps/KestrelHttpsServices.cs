using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls.KestrelHttps;

/// <summary>
/// The services of an endpoint, with those that Kestrel's own <c>UseHttps</c> asks for. Nothing else asks for them, so this is also where
/// its use is noticed.
/// </summary>
internal sealed class KestrelHttpsServices(IKeyedServiceProvider endpoint, KestrelCoreServices kestrel, Func<TlsObserver> useTls) : IKeyedServiceProvider
{
    /// <summary>What handshakes are reported to; null unless Kestrel's <c>UseHttps</c> was called.</summary>
    public TlsObserver? Observer { get; private set; }

    public object? GetService(Type serviceType)
    {
        if (serviceType == typeof(ILoggerFactory))
        {
            return new HandshakeLoggerFactory(endpoint.GetRequiredService<ILoggerFactory>());
        }

        if (serviceType.Assembly != typeof(KestrelServer).Assembly)
        {
            return endpoint.GetService(serviceType);
        }

        Observer ??= useTls();
        return endpoint.GetService(serviceType) ?? kestrel.GetService(serviceType);
    }

    public object? GetKeyedService(Type serviceType, object? serviceKey) => endpoint.GetKeyedService(serviceType, serviceKey);

    public object GetRequiredKeyedService(Type serviceType, object? serviceKey) => endpoint.GetRequiredKeyedService(serviceType, serviceKey);
}
