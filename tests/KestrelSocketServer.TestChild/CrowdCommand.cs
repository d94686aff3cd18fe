namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo, and one with TLS where a certificate file is named, that prepares nothing for hard times. Tells each error of the servers on
/// its standard output.
/// </summary>
internal static class CrowdCommand
{
    public static async Task<int> RunAsync(string? certificate)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server =>
        {
            server.Listen("echo", 0, listen => listen.UseSocketHandler(connection => connection.Pipe(connection)));
            if (certificate is not null)
            {
                server.Listen("tls", 0, listen => listen.UseHttps(certificatePath: certificate).UseSocketHandler(connection => connection.Pipe(connection)));
            }
        });
        using IHost host = builder.Build();
        ISocketServer[] servers = [.. host.Services.GetRequiredService<ISocketServers>().OrderBy(server => server.Name, StringComparer.Ordinal)];
        foreach (ISocketServer server in servers)
        {
            server.Error += error => Console.WriteLine($"{server.Name} {error.Stage}");
        }

        await host.StartAsync();
        Console.WriteLine(string.Join(' ', servers.Select(server => server.Address)));
        await host.WaitForShutdownAsync();
        return 0;
    }
}
