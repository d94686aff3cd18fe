using System.Net;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.FunctionalTests.Messages;

/// <summary>An endpoint of messages and a client, at one of the places that handlers run at.</summary>
internal sealed class MessagePlace : IAsyncDisposable
{
    private MessagePlace(TestHost host, RawClient client)
    {
        Host = host;
        Client = client;
    }

    public static TheoryData<string> Everywhere => [.. HandlerPlace.All.Keys];

    public TestHost Host { get; }

    public RawClient Client { get; }

    /// <param name="place">A key of <see cref="HandlerPlace.All"/>.</param>
    /// <param name="handle">Sets the handler of the endpoint.</param>
    /// <param name="services">Anything else.</param>
    public static async Task<MessagePlace> StartAsync(
        string place, Action<ListenOptions> handle, Action<IServiceCollection>? services = null)
    {
        HandlerPlace at = HandlerPlace.All[place];
        void Configure(ListenOptions listen)
        {
            at.Transport.Configure(listen);
            handle(listen);
        }

        TestHost host = await TestHost.StartWebAsync(
            server =>
            {
                server.ShutdownTimeout = TimeSpan.Zero;
                if (!at.IsOwnKestrel)
                {
                    server.Listen("test", 0, Configure);
                }
            },
            builder =>
            {
                builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
                services?.Invoke(builder.Services);
                if (at.IsOwnKestrel)
                {
                    builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, Configure));
                }
            });
        return new MessagePlace(host, await at.ConnectAsync(host));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
    }
}
