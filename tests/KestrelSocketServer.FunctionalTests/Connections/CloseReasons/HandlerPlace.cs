using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.FunctionalTests.Connections.CloseReasons;

/// <summary>Where a handler runs: on an endpoint of the library, or on the application's own Kestrel and its transport.</summary>
public sealed class HandlerPlace(TestTransport transport, bool isOwnKestrel)
{
    public static HandlerPlace Endpoint { get; } = new(TestTransport.Plain, false);

    public static HandlerPlace TlsEndpoint { get; } = new(TestTransport.Tls, false);

    public static HandlerPlace KestrelTlsEndpoint { get; } = new(TestTransport.KestrelTls, false);

    public static HandlerPlace OwnKestrel { get; } = new(TestTransport.Plain, true);

    public static HandlerPlace OwnTlsKestrel { get; } = new(TestTransport.Tls, true);

    /// <summary>All of them, for tests with one case for each.</summary>
    public static IReadOnlyDictionary<string, HandlerPlace> All { get; } = new Dictionary<string, HandlerPlace>
    {
        ["plain"] = Endpoint,
        ["tls"] = TlsEndpoint,
        ["Kestrel's tls"] = KestrelTlsEndpoint,
        ["own Kestrel"] = OwnKestrel,
        ["own Kestrel with tls"] = OwnTlsKestrel,
    };

    public TestTransport Transport => transport;

    public bool IsOwnKestrel => isOwnKestrel;

    /// <summary>Starts a host that waits for nobody when it stops.</summary>
    public async Task<TestHost> StartAsync(
        Func<ISocketConnection, Task> handler, Action<SocketConnectionOptions>? options = null, Action<IServiceCollection>? services = null)
    {
        void Configure(ListenOptions listen)
        {
            transport.Configure(listen);
            listen.UseSocketHandler(handler, options);
        }

        return await TestHost.StartWebAsync(
            server =>
            {
                server.ShutdownTimeout = TimeSpan.Zero;
                if (!isOwnKestrel)
                {
                    server.Listen("test", 0, Configure);
                }
            },
            builder =>
            {
                builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
                services?.Invoke(builder.Services);
                if (isOwnKestrel)
                {
                    builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, Configure));
                }
            });
    }

    public Task<RawClient> ConnectAsync(TestHost host, int? receiveBuffer = null) => RawClient.ConnectAsync(
        isOwnKestrel ? new Uri(host.Web.Urls.Single()).Authority : host.Server("test").Address!, transport, receiveBuffer);
}
