using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.TestSupport;

/// <summary>What a test sets up beside its handler.</summary>
public sealed class HostSetup
{
    /// <summary>The options of all endpoints.</summary>
    public Action<SocketServerOptions>? Server { get; init; }

    /// <summary>The endpoint, between TLS and the handler.</summary>
    public Action<ListenOptions>? Listen { get; init; }

    public Action<IServiceCollection>? Services { get; init; }

    /// <summary>Moves the bytes by that driver, whatever the tests run on.</summary>
    public static HostSetup On(SocketTransportDriver driver) => new() { Server = server => server.Transport.Driver = driver };

    /// <summary>Collects what the library logs at Debug too.</summary>
    public static void LogDebug(IServiceCollection services)
        => services.AddLogging(logging => logging.AddFilter("KestrelSocketServer", LogLevel.Debug));
}
