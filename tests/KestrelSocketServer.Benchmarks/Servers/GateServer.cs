using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.Benchmarks;

/// <summary>The process that refuses: an endpoint that closes each connection at once, and an echo that the flood may not come to.</summary>
internal static class GateServer
{
    public const string Verb = "gate-server";

    public static async Task RunAsync(SocketTransportDriver driver)
    {
        await using var server = new LibraryServer((options, _) =>
        {
            options.Transport.Driver = driver;
            options.Listen("1-closing", 0, listen => listen.UseSocketHandler(connection => connection.Close()));
            options.Listen("2-echo", 0, listen => listen
                .UseAccess(deny: [FloodLoad.Network])
                .UseSocketHandler(connection => connection.Data += chunk => connection.Write(chunk)));
        });
        ServerQuestions.AnswerAll(await server.StartAsync(), () => server.Servers.Sum(endpoint => endpoint.Connections.Count));
    }
}
