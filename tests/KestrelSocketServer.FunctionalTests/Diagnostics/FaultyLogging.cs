using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

public enum LoggingFault
{
    Create,
    IsEnabled,
    Log,
    BeginScope,
    EndScope,
}

/// <summary>Loggers that throw at one point, for what is logged in some categories.</summary>
internal sealed class FaultyLogging(LoggingFault fault, params string[] categories) : ILoggerProvider
{
    private int _faults;

    /// <summary>How often it threw.</summary>
    public int Faults => Volatile.Read(ref _faults);

    public ILogger CreateLogger(string categoryName)
    {
        if (!categories.Any(category => categoryName.StartsWith(category, StringComparison.Ordinal)))
        {
            return NullLogger.Instance;
        }

        ThrowAt(LoggingFault.Create);
        return new Logger(this);
    }

    public void Dispose()
    {
        // It holds nothing.
    }

    private void ThrowAt(LoggingFault point)
    {
        if (point == fault)
        {
            Interlocked.Increment(ref _faults);
            throw new InvalidOperationException($"The log failed at {point}.");
        }
    }

    private sealed class Logger(FaultyLogging logging) : ILogger
    {
        public bool IsEnabled(LogLevel logLevel)
        {
            logging.ThrowAt(LoggingFault.IsEnabled);
            return true;
        }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => logging.ThrowAt(LoggingFault.Log);

        public IDisposable BeginScope<TState>(TState state)
            where TState : notnull
        {
            logging.ThrowAt(LoggingFault.BeginScope);
            return new Scope(logging);
        }
    }

    private sealed class Scope(FaultyLogging logging) : IDisposable
    {
        public void Dispose() => logging.ThrowAt(LoggingFault.EndScope);
    }
}
