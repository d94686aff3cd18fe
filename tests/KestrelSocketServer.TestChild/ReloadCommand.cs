using System.Text;
using Microsoft.Extensions.Configuration;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo, configured by the appsettings.json of a folder, that uses up the descriptors of its process when told <c>fill</c>, gives
/// them back when told <c>free</c>, and gets a second endpoint when told <c>bind</c>. Tells each reload, and each that failed, on its
/// standard output, and logs to its standard error.
/// </summary>
internal static class ReloadCommand
{
    public static async Task<int> RunAsync(string folder, string? certificate)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = folder });
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Warning).AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        var more = new MoreSettings();
        builder.Configuration.Sources.Add(more);
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.EventLoopCount = 2;
            server.Endpoint("A").UseSocketHandler(connection => connection.Data += chunk => OnData(connection, chunk, more));
            server.Endpoint("B").Optional().UseSocketHandler(connection => connection.Pipe(connection));
            if (certificate is not null)
            {
                server.Listen("C", 0, listen => listen.UseHttps(certificatePath: certificate).UseSocketHandler(connection => connection.Pipe(connection)));
            }
        });
        using IHost host = builder.Build();
        ISocketServers servers = host.Services.GetRequiredService<ISocketServers>();
        servers.ReloadFailed += exception => Console.WriteLine($"failed {exception.Message}");
        servers.Reloaded += () => Console.WriteLine($"reloaded {(servers.TryGet("B", out ISocketServer? server) ? server.Address : null)}");
        await host.StartAsync();
        await Descriptors.StartThreadsAsync();
        Console.WriteLine(servers.Single(server => server.Name == "A").Address);
        if (certificate is not null)
        {
            Console.WriteLine(servers.Single(server => server.Name == "C").Address);
        }

        await host.WaitForShutdownAsync();
        return 0;
    }

    private static void OnData(ISocketConnection connection, ReadOnlySpan<byte> chunk, MoreSettings more)
    {
        switch (Encoding.ASCII.GetString(chunk))
        {
            case "fill":
                Descriptors.Fill();
                break;
            case "free":
                Descriptors.Free();
                break;
            case "bind":
                more.AddEndpoint();
                break;
        }

        connection.Write(chunk);
    }

    /// <summary>Settings that need no file.</summary>
    private sealed class MoreSettings : ConfigurationProvider, IConfigurationSource
    {
        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

        public void AddEndpoint()
        {
            Set("SocketServer:Endpoints:B:Url", "127.0.0.1:0");
            OnReload();
        }
    }
}
