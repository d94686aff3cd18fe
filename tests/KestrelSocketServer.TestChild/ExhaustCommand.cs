using System.Net.Sockets;
using System.Text;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo that uses up the descriptors of its process when told <c>fill</c>, and gives them back when told <c>free</c>. Tells
/// each error of the server on its standard output.
/// </summary>
internal static class ExhaustCommand
{
    /// <param name="acceptorPerLoop">Whether each loop accepts.</param>
    /// <param name="breaks">Whether the logger, the clock and the subscriber of the server's errors throw while there are no descriptors.</param>
    /// <param name="certificate">The file with the certificate of a second endpoint, with TLS; null for none.</param>
    public static async Task<int> RunAsync(bool acceptorPerLoop, bool breaks, string? certificate)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        if (breaks)
        {
            builder.Logging.AddProvider(new FileLikeLogger());
            builder.Services.AddSingleton<TimeProvider>(new ExhaustibleClock());
        }

        builder.Services.AddSocketServer(server =>
        {
            server.Transport.EventLoopCount = 3;
            server.Listen("echo", 0, listen => listen.UseAcceptorPerLoop(acceptorPerLoop).UseSocketHandler(OnConnection));
            if (certificate is not null)
            {
                server.Listen("tls", 0, listen => listen
                    .UseHttps(certificatePath: certificate, tls => tls.KeepLastGoodCertificate = true)
                    .UseSocketHandler(OnConnection));
            }
        });
        using IHost host = builder.Build();
        ISocketServer[] servers = [.. host.Services.GetRequiredService<ISocketServers>().OrderBy(server => server.Name, StringComparer.Ordinal)];
        foreach (ISocketServer server in servers)
        {
            server.Error += error => Tell(error, breaks);
        }

        await host.StartAsync();
        await Descriptors.StartThreadsAsync();
        Console.WriteLine(string.Join(' ', servers.Select(server => server.Address)));
        await host.WaitForShutdownAsync();
        return 0;
    }

    private static void Tell(SocketServerError error, bool breaks)
    {
        Console.WriteLine($"{error.Stage} {(error.Exception as SocketException)?.SocketErrorCode.ToString() ?? error.Exception.GetType().Name}");
        if (breaks)
        {
            throw new InvalidOperationException("A subscriber that fails.");
        }
    }

    private static void OnConnection(ISocketConnection connection) => connection.Data += chunk =>
    {
        switch (Encoding.ASCII.GetString(chunk))
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

    // Opens a file for each line.
    private sealed class FileLikeLogger : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => File.OpenHandle("/dev/null").Dispose();

        public void Dispose()
        {
        }
    }

    // Its timers fail, as the runtime's first one does that finds no descriptor for its thread.
    private sealed class ExhaustibleClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
            => Descriptors.AreUsedUp ? throw new IOException("There is no descriptor.") : base.CreateTimer(callback, state, dueTime, period);
    }
}
