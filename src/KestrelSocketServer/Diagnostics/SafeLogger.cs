using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Diagnostics;

/// <summary>A logger that never throws.</summary>
internal sealed class SafeLogger(ILogger inner, Action<Exception> onFault) : ILogger
{
    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return inner.IsEnabled(logLevel);
        }
        catch (Exception exception)
        {
            onFault(exception);
            return false;
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception fault)
        {
            onFault(fault);
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
    {
        try
        {
            return inner.BeginScope(state) is { } scope ? new Scope(scope, onFault) : null;
        }
        catch (Exception exception)
        {
            onFault(exception);
            return null;
        }
    }

    private sealed class Scope(IDisposable inner, Action<Exception> onFault) : IDisposable
    {
        public void Dispose()
        {
            try
            {
                inner.Dispose();
            }
            catch (Exception exception)
            {
                onFault(exception);
            }
        }
    }
}
