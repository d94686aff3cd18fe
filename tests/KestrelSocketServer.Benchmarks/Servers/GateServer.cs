using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.Benchmarks;

/// <summary>The process that refuses: an endpoint that closes each connection at once, and an echo that is full with so many.</summary>
internal static class GateServer
{
    public const string Verb = "gate-server";
    public const int MaxConnections = 64;

    public static async Task RunAsync(SocketTransportDriver driver)
    {
        await using var server = new LibraryServer((options, _) =>
        {
            options.Transport.Driver = driver;
            options.Listen("1-closing", 0, listen => listen.UseSocketHandler(connection => connection.Close()));
            options.Listen("2-full", 0, listen => listen
                .UseLimits(limits => limits.MaxConcurrentConnections = MaxConnections)
                .UseSocketHandler(connection => connection.Data += chunk => connection.Write(chunk)));
        });
        ServerQuestions.AnswerAll(await server.StartAsync(), () => server.Servers.Sum(endpoint => endpoint.Connections.Count));
    }
}
