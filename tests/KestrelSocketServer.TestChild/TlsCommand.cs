using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// A worker with an endpoint over TLS for each certificate file; a path after <c>hand:</c> is loaded by the framework and given as
/// certificate and chain. Runs until a signal ends it.
/// </summary>
internal static class TlsCommand
{
    private const string Hand = "hand:";

    public static async Task<int> RunAsync(string[] paths)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server =>
        {
            foreach (string path in paths)
            {
                server.Listen(path, 0, listen => listen.UseHttps(Open(path)).UseSocketHandler(connection => connection.Pipe(connection)));
            }
        });
        using IHost host = builder.Build();
        await host.StartAsync();
        foreach (string path in paths)
        {
            Console.WriteLine(host.Services.GetRequiredKeyedService<ISocketServer>(path).Address);
        }

        await host.WaitForShutdownAsync();
        return 0;
    }

    private static TlsCertificate Open(string path)
    {
        if (!path.StartsWith(Hand, StringComparison.Ordinal))
        {
            return TlsCertificate.FromFile(path, passphrase: "secret");
        }

        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(path[Hand.Length..]);
        return TlsCertificate.From(X509Certificate2.CreateFromPemFile(path[Hand.Length..]), chain);
    }
}
