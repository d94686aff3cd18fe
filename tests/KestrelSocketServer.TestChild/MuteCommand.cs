namespace KestrelSocketServer.TestChild;

/// <summary>An echo whose log cannot be written.</summary>
internal static class MuteCommand
{
    public static async Task<int> RunAsync()
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders().AddFilter("Microsoft", LogLevel.None).AddProvider(new MuteProvider());
        builder.Services.AddSocketServer(server => server.Listen("echo", 0, listen => listen.UseSocketHandler(connection => connection.Pipe(connection))));
        using IHost host = builder.Build();
        await host.StartAsync();
        Console.WriteLine(host.Services.GetRequiredKeyedService<ISocketServer>("echo").Address);
        await host.WaitForShutdownAsync();
        return 0;
    }

    private sealed class MuteProvider : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => throw new IOException("The disk is full.");

        public void Dispose()
        {
            // It holds nothing.
        }
    }
}
