using System.Net.Sockets;
using System.Text;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo that uses up the descriptors of its process when told <c>fill</c>, and gives them back when told <c>free</c>. Tells
/// each error of the server on its standard output.
/// </summary>
internal static class ExhaustCommand
{
    public static async Task<int> RunAsync(bool acceptorPerLoop)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.EventLoopCount = 3;
            server.Listen("echo", 0, listen => listen.UseAcceptorPerLoop(acceptorPerLoop).UseSocketHandler(OnConnection));
        });
        using IHost host = builder.Build();
        ISocketServer server = host.Services.GetRequiredKeyedService<ISocketServer>("echo");
        server.Error += error => Console.WriteLine($"{error.Stage} {((SocketException)error.Exception).SocketErrorCode}");
        await host.StartAsync();
        await Descriptors.StartThreadsAsync();
        Console.WriteLine(server.Address);
        await host.WaitForShutdownAsync();
        return 0;
    }

    private static void OnConnection(ISocketConnection connection) => connection.Data += chunk =>
    {
        switch (Encoding.ASCII.GetString(chunk.Span))
        {
            case "fill":
                Descriptors.Fill();
                break;
            case "free":
                Descriptors.Free();
                break;
        }

        connection.Write(chunk);
    };
}
