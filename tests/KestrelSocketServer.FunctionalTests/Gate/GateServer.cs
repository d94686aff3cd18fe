using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Gate;

/// <summary>An echo server with limits, and clients of which it lets some in.</summary>
internal static class GateServer
{
    public static Task<SocketServerFixture> StartAsync(
        SocketTransportDriver driver,
        Action<SocketConnectionOptions> limits,
        Action<ListenOptions>? listen = null,
        string address = "127.0.0.1:0",
        TestTransport? transport = null,
        TimeProvider? timeProvider = null)
        => SocketServerFixture.StartAsync(
            connection => connection.Pipe(connection),
            transport,
            address: address,
            setup: new HostSetup
            {
                Server = server => server.Transport.Driver = driver,
                Listen = options =>
                {
                    options.UseLimits(limits);
                    listen?.Invoke(options);
                },
                Services = timeProvider is null ? null : services => services.AddSingleton(timeProvider),
            });

    /// <summary>Connects a client, from another address than 127.0.0.1 where one is given.</summary>
    public static Task<RawClient> ConnectAsync(EndPoint server, string? from = null)
        => RawClient.ConnectAsync(server, from: from is null ? null : IPAddress.Parse(from));

    /// <summary>Connects a client, and waits until it is served.</summary>
    public static async Task<RawClient> ServeAsync(EndPoint server, string? from = null)
    {
        RawClient client = await ConnectAsync(server, from);
        await AssertServedAsync(client);
        return client;
    }

    /// <summary>Connects clients until one is served: a place is free a moment after whoever had it has seen the end.</summary>
    public static async Task<RawClient> ServeSoonAsync(EndPoint server, string? from = null)
    {
        using var timeout = new CancellationTokenSource(Timeouts.Generous);
        while (true)
        {
            RawClient? client = null;
            try
            {
                client = await ConnectAsync(server, from);
                await AssertServedAsync(client);
                return client;
            }
            catch (Exception exception) when (exception is IOException or SocketException && !timeout.IsCancellationRequested)
            {
                client?.Dispose();
            }
        }
    }

    public static async Task AssertServedAsync(RawClient client)
    {
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    /// <summary>A client that connects is refused.</summary>
    public static async Task AssertRefusedAsync(EndPoint server, string? from = null)
    {
        try
        {
            using RawClient client = await ConnectAsync(server, from);
            await Tcp.AssertClosedAsync(client);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Refused before the client knew that it was connected.
        }
    }
}
