using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer.Diagnostics;

/// <summary>
/// Hands out loggers that never throw: what a logger throws, as one to a file does without descriptors, must not end a connection,
/// a reload or an event loop. The first fault is written to the standard error, as the log itself cannot tell it.
/// </summary>
internal sealed class SafeLoggerFactory : ILoggerFactory
{
    // One for each factory of an application, so that the fault is told once.
    private static readonly ConditionalWeakTable<ILoggerFactory, SafeLoggerFactory> Known = [];

    private readonly ILoggerFactory _inner;
    private int _hasFailed;

    private SafeLoggerFactory(ILoggerFactory inner) => _inner = inner;

    public static SafeLoggerFactory For(ILoggerFactory factory)
        => factory as SafeLoggerFactory ?? Known.GetValue(factory, static inner => new SafeLoggerFactory(inner));

    public ILogger CreateLogger(string categoryName)
    {
        try
        {
            return new SafeLogger(_inner.CreateLogger(categoryName), OnFault);
        }
        catch (Exception exception)
        {
            OnFault(exception);
            return NullLogger.Instance;
        }
    }

    public void AddProvider(ILoggerProvider provider) => _inner.AddProvider(provider);

    public void Dispose()
    {
        // The factory belongs to the application.
    }

    private void OnFault(Exception exception)
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) != 0)
        {
            return;
        }

        try
        {
            Console.Error.WriteLine($"{SocketServerLog.Category}: a logger threw; log lines are missing from here on. {exception}");
        }
        catch (Exception)
        {
            // The standard error needs a descriptor too, and there is nowhere else to tell it.
        }
    }
}
