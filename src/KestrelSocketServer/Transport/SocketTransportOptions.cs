namespace KestrelSocketServer;

/// <summary>How the library moves the bytes of all connections; read once, when the first endpoint listens.</summary>
public sealed class SocketTransportOptions
{
    /// <summary>How sockets are read and written.</summary>
    /// <remarks>Defaults to <see cref="SocketTransportDriver.EventLoop"/> on Linux, <see cref="SocketTransportDriver.Socket"/> elsewhere.</remarks>
    public SocketTransportDriver Driver { get; set; } = OperatingSystem.IsLinux() ? SocketTransportDriver.EventLoop : SocketTransportDriver.Socket;

    /// <summary>How many event loops share the connections.</summary>
    /// <remarks>Defaults to the number of cores that the process may use.</remarks>
    public int EventLoopCount { get; set; } = Environment.ProcessorCount;

    /// <summary>
    /// How long a handler may hold its event loop before the loop goes on, for all other connections, on another thread. The
    /// handler itself is not interrupted (row C25).
    /// </summary>
    /// <remarks>Defaults to 5 ms; at least 1 ms.</remarks>
    public TimeSpan BlockingLimit { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Whether handlers run on the thread pool, rather than on the event loop that received for them.</summary>
    /// <remarks>Defaults to false: a hop for each message costs more than most handlers.</remarks>
    public bool RunHandlersOnThreadPool { get; set; }
}
