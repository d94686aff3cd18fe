using System.Runtime.InteropServices;

namespace KestrelSocketServer;

/// <summary>How the library moves the bytes of all connections; read once, when the first endpoint listens.</summary>
public sealed class SocketServerTransportOptions
{
    /// <summary>How sockets are read and written.</summary>
    /// <remarks>
    /// Defaults to null: <see cref="SocketTransportDriver.EventLoop"/> on Linux on x64 and arm64,
    /// <see cref="SocketTransportDriver.Socket"/> elsewhere.
    /// </remarks>
    public SocketTransportDriver? Driver { get; set; }

    /// <summary>How many event loops share the connections, at least 1.</summary>
    /// <remarks>Defaults to null: as many as the process may use cores.</remarks>
    public int? EventLoopCount { get; set; }

    /// <summary>
    /// How long a handler may hold its event loop before the loop goes on, for all other connections, on another thread. The
    /// handler itself is not interrupted (row C25).
    /// </summary>
    /// <remarks>
    /// Defaults to 5 ms; at least 1 ms. Found out within half as long again, and much sooner while several handlers block at once. Time in
    /// which a busy machine, or the share of it that a container has, did not let the handler run does not count. A connection whose
    /// handler has blocked runs on a thread of its own until it has returned in time for a while.
    /// </remarks>
    public TimeSpan BlockingLimit { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Whether handlers run on the thread pool, rather than on the event loop that received for them.</summary>
    /// <remarks>
    /// Defaults to false: a hop for each message costs more than most handlers do. Handlers that block do not use the pool up: while none
    /// of those on it returns, the next ones run on threads of their own. Without effect on the socket driver.
    /// </remarks>
    public bool RunHandlersOnThreadPool { get; set; }

    internal static bool IsEventLoopSupported
        => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    internal SocketTransportDriver EffectiveDriver => Driver ?? (IsEventLoopSupported ? SocketTransportDriver.EventLoop : SocketTransportDriver.Socket);

    internal int EffectiveEventLoopCount => EventLoopCount ?? Environment.ProcessorCount;

    /// <summary>What cannot work, by the name of the option.</summary>
    internal IEnumerable<string> FindFaults()
    {
        if (Driver is { } driver && !Enum.IsDefined(driver))
        {
            yield return $"{nameof(Driver)}: '{driver}' is not known; write {SocketTransportDriver.EventLoop} or {SocketTransportDriver.Socket}";
        }

        if (Driver == SocketTransportDriver.EventLoop && !IsEventLoopSupported)
        {
            yield return $"{nameof(Driver)}: {Driver} needs Linux on x64 or arm64, which this machine is not; write {SocketTransportDriver.Socket}, or leave it out";
        }

        if (EventLoopCount < 1)
        {
            yield return $"{nameof(EventLoopCount)}: '{EventLoopCount}' is not allowed; write 1 or more, or leave it out";
        }

        if (BlockingLimit < TimeSpan.FromMilliseconds(1))
        {
            yield return $"{nameof(BlockingLimit)}: '{BlockingLimit}' is not allowed; write at least 00:00:00.001";
        }
    }
}
