using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Tls.KestrelHttps;

/// <summary>Gives out the loggers of another factory, and lets <see cref="HandshakeWatch"/> listen to the one of Kestrel's TLS middleware.</summary>
internal sealed class HandshakeLoggerFactory(ILoggerFactory loggers) : ILoggerFactory
{
    private const string Category = "Microsoft.AspNetCore.Server.Kestrel.Https.Internal.HttpsConnectionMiddleware";

    public ILogger CreateLogger(string categoryName)
        => categoryName == Category ? new Logger(loggers.CreateLogger(categoryName)) : loggers.CreateLogger(categoryName);

    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    public void Dispose()
    {
        // The factory belongs to the application.
    }

    private sealed class Logger(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug || inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            HandshakeWatch.OnLogged(eventId.Name, exception);
            if (inner.IsEnabled(logLevel))
            {
                inner.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}
