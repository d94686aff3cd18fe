using KestrelSocketServer;
using Microsoft.AspNetCore.Server.Kestrel.Core;

/// <summary>
/// What the console samples have in common: the address is the first argument, a PEM file as the second one turns TLS on (and a
/// third one is the passphrase of its key), standard output is for the sample alone, and
/// the host stops in order on SIGINT and SIGTERM.
/// </summary>
internal static class ConsoleSample
{
    private const string AnyFreePort = "127.0.0.1:0";

    /// <param name="name">The name of the endpoint.</param>
    /// <param name="args">The arguments of the program.</param>
    /// <param name="configure">Configures the endpoint.</param>
    /// <returns>The exit code of the program.</returns>
    public static async Task<int> RunAsync(string name, string[] args, Action<ListenOptions> configure)
    {
        // No settings of whatever folder it is started from.
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        // Why the start failed is told below, in one line.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Services.AddSocketServer(server => server.Listen(name, args.ElementAtOrDefault(0) ?? AnyFreePort, listen =>
        {
            if (args.ElementAtOrDefault(1) is { Length: > 0 } certificate)
            {
                listen.UseHttps(Path.GetFullPath(certificate), passphrase: args.ElementAtOrDefault(2));
            }

            configure(listen);
        }));

        try
        {
            using IHost host = builder.Build();
            ISocketServer server = host.Services.GetRequiredKeyedService<ISocketServer>(name);
            server.Error += error => Console.Error.WriteLine($"{error.RemoteAddress} {error}");
            await host.StartAsync();
            Console.WriteLine($"Listening on {server.Address}");
            await host.WaitForShutdownAsync();
            return 0;
        }
        catch (OperationCanceledException)
        {
            // Told to stop while it was starting.
            return 0;
        }
        catch (Exception exception) when (exception is ArgumentException or IOException)
        {
            await Console.Error.WriteLineAsync(exception.Message.ReplaceLineEndings(" "));
            return 1;
        }
    }
}
