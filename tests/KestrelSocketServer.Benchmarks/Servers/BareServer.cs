using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Kestrel with default settings and a connection handler, without this library.</summary>
internal sealed class BareServer : IMeasuredServer
{
    private readonly X509Certificate2 _certificate = ServerCertificate.Create();
    private readonly WebApplication _application;

    public BareServer(EchoStyle style)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => style.Configure(listen));
            kestrel.Listen(IPAddress.Loopback, 0, listen => style.Configure(listen.UseHttps(_certificate)));
        });
        _application = builder.Build();
    }

    public async Task<IReadOnlyList<int>> StartAsync()
    {
        await _application.StartAsync();
        ICollection<string> addresses = _application.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses;
        return [.. addresses.Select(address => new Uri(address)).OrderBy(address => address.Scheme == Uri.UriSchemeHttps).Select(address => address.Port)];
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
        _certificate.Dispose();
    }
}
