using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Endpoints of this library, in a host without HTTP. The one with TLS looks at its certificate file in each handshake.</summary>
internal sealed class LibraryServer : IMeasuredServer
{
    private readonly ServerCertificate _certificate = new();
    private readonly IHost _host;

    public LibraryServer(Action<SocketServerOptions, string> configure)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server => configure(server, _certificate.Path));
        _host = builder.Build();
        Servers = _host.Services.GetRequiredService<ISocketServers>();
    }

    public ISocketServers Servers { get; }

    public static LibraryServer Create(EchoStyle style, SocketTransportDriver? driver, bool hasTls) => new((server, certificate) =>
    {
        server.Transport.Driver = driver ?? server.Transport.Driver;
        server.Listen("echo", 0, listen => style.Configure(listen));
        if (hasTls)
        {
            server.Listen("echo-tls", 0, listen => style.Configure(listen.UseHttps(certificatePath: certificate)));
        }
    });

    /// <summary>Listens; returns the ports of the endpoints in the order of their names.</summary>
    public async Task<IReadOnlyList<int>> StartAsync()
    {
        await _host.StartAsync();
        return [.. Servers.OrderBy(server => server.Name, StringComparer.Ordinal).Select(server => ((IPEndPoint)server.EndPoint!).Port)];
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        _certificate.Dispose();
    }
}
