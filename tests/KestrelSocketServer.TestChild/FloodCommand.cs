using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// A handler that ignores what its writes return: each <c>w</c> is answered by 64 KiB, anything else by itself. When its standard input says
/// anything, it tells how many connections were closed, by reason.
/// </summary>
internal static class FloodCommand
{
    private static readonly ConcurrentDictionary<SocketCloseReason, int> Closed = new();

    public static async Task<int> RunAsync(SocketTransportDriver driver)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.Driver = driver;
            server.Listen("flood", 0, listen => listen.UseSocketHandler(OnConnection));
        });
        using IHost host = builder.Build();
        await host.StartAsync();
        Console.WriteLine(host.Services.GetRequiredKeyedService<ISocketServer>("flood").Address);
        while (await Task.Run(Console.ReadLine) is not null)
        {
            Console.WriteLine(string.Join(' ', Closed.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key} {pair.Value}")));
        }

        return 0;
    }

    private static void OnConnection(ISocketConnection connection)
    {
        // Otherwise the system would take most of it.
        connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 16 * 1024;
        byte[] answer = new byte[64 * 1024];
        connection.Closed += () => Closed.AddOrUpdate(connection.CloseReason!.Value, 1, static (_, count) => count + 1);
        connection.Data += chunk =>
        {
            foreach (byte word in chunk)
            {
                connection.Write(word == 'w' ? answer : [word]);
            }
        };
    }
}
