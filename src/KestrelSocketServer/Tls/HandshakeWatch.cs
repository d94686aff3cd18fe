using System.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>
/// Tells why a TLS handshake of Kestrel's own failed. Its middleware tells nobody but its log, so the watch listens there: the log is
/// written synchronously in the flow of the connection.
/// </summary>
internal sealed class HandshakeWatch(ConnectionContext connection, Action<ConnectionContext, TimeSpan, Exception?> onEnded)
{
    private static readonly AsyncLocal<HandshakeWatch?> Current = new();

    private readonly long _started = Stopwatch.GetTimestamp();
    private Exception? _failure;
    private bool _timedOut;
    private bool _established;

    /// <summary>Wraps a pipeline with TLS in it.</summary>
    /// <param name="next">The pipeline.</param>
    /// <param name="onEnded">Called once for each handshake, with how long it took and why it failed, if it did.</param>
    public static ConnectionDelegate Around(ConnectionDelegate next, Action<ConnectionContext, TimeSpan, Exception?> onEnded) => async connection =>
    {
        var watch = new HandshakeWatch(connection, onEnded);
        var transport = new EncryptedTransport(connection.Transport);
        connection.Features.Set<IEndOfTransport>(transport);
        Current.Value = watch;
        try
        {
            connection.Transport = transport;
            await next(connection).ConfigureAwait(false);
        }
        catch (Exception exception) when (!watch._established)
        {
            watch._failure = exception;
        }

        if (watch.Failure(transport) is { } failure)
        {
            onEnded(connection, watch.Elapsed, failure);
        }
    };

    private TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    private Exception? Failure(EncryptedTransport transport)
    {
        if (!_timedOut)
        {
            return _failure;
        }

        try
        {
            transport.ThrowIfFailed();
        }
        catch (ConnectionAbortedException)
        {
            // The server itself has ended the connection, as it does when it stops: nothing has failed.
            return null;
        }
        catch (IOException exception)
        {
            return exception;
        }

        return new TimeoutException($"The TLS handshake was not completed within {Elapsed.TotalSeconds:0.0} s.");
    }

    private void OnLogged(string? eventName, Exception? exception)
    {
        switch (eventName)
        {
            case "HttpsConnectionEstablished":
                _established = true;
                Current.Value = null;
                onEnded(connection, Elapsed, null);
                break;
            case "AuthenticationFailed":
                _failure = exception;
                break;
            case "AuthenticationTimedOut":
                _timedOut = true;
                break;
        }
    }

    /// <summary>Hands out the loggers of another factory, and listens to the one of Kestrel's TLS middleware.</summary>
    internal sealed class LoggerFactory(ILoggerFactory loggers) : ILoggerFactory
    {
        private const string Category = "Microsoft.AspNetCore.Server.Kestrel.Https.Internal.HttpsConnectionMiddleware";

        public ILogger CreateLogger(string categoryName)
            => categoryName == Category ? new Logger(loggers.CreateLogger(categoryName)) : loggers.CreateLogger(categoryName);

        public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

        public void Dispose()
        {
            // The factory belongs to the application.
        }
    }

    private sealed class Logger(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug || inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Current.Value?.OnLogged(eventId.Name, exception);
            if (inner.IsEnabled(logLevel))
            {
                inner.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}
