using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.Benchmarks;

/// <summary>The process that is soaked: an echo by events, plain and with TLS, and one whose handler blocks when it is told to.</summary>
internal static class SoakServer
{
    public const string Verb = "soak-server";
    public const byte BlockMark = 0xB1;
    public const int LongestBlockMilliseconds = 200;

    public static async Task RunAsync(SocketTransportDriver driver)
    {
        await using var server = new LibraryServer((options, certificate) =>
        {
            options.Transport.Driver = driver;
            options.Listen("1-plain", 0, listen => listen.UseSocketHandler(Echo));
            options.Listen("2-tls", 0, listen => listen.UseHttps(certificatePath: certificate).UseSocketHandler(Echo));
            options.Listen("3-blocking", 0, listen => listen.UseSocketHandler(BlockAndEcho));
        });
        ServerQuestions.AnswerAll(await server.StartAsync(), () => server.Servers.Sum(endpoint => endpoint.Connections.Count));
    }

    // A peer that does not read is not read from.
    private static void Echo(ISocketConnection connection)
    {
        connection.Drained += connection.Resume;
        connection.Data += chunk =>
        {
            if (!connection.Write(chunk))
            {
                connection.Pause();
            }
        };
    }

    private static void BlockAndEcho(ISocketConnection connection) => connection.Data += chunk =>
    {
        if (chunk.Contains(BlockMark))
        {
            // Not a wait for anything: a handler that blocks is what is measured.
            Thread.Sleep(Random.Shared.Next(1, LongestBlockMilliseconds + 1));
        }

        connection.Write(chunk);
    };
}
