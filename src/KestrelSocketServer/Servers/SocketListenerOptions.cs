namespace KestrelSocketServer;

/// <summary>The options of an endpoint's listening socket; they reach that socket alone (row A14).</summary>
public sealed class SocketListenerOptions
{
    /// <summary>How many connections the operating system may hold that have not been accepted yet.</summary>
    /// <remarks>Defaults to 512, as Kestrel's. The operating system may cap it (<c>net.core.somaxconn</c> on Linux).</remarks>
    public int Backlog { get; set; } = 512;

    /// <summary>Whether other sockets, also of other processes of the same user, may listen on the same port and share its connections.</summary>
    /// <remarks>Defaults to false. SO_REUSEPORT on Linux and macOS; not available on Windows.</remarks>
    public bool ReusePort { get; set; }

    /// <summary>
    /// Whether the endpoint listens with one socket for each event loop, all on the same address (SO_REUSEPORT). Each loop accepts
    /// and serves its own connections, which the operating system deals out (row A17).
    /// </summary>
    /// <remarks>
    /// Defaults to false: one socket, whose connections go round over the loops. For addresses of TCP only. Without effect on the
    /// driver <see cref="SocketTransportDriver.Socket"/> and with one loop. A port that others listen on is in use, unless
    /// <see cref="ReusePort"/> is set too; but other sockets of the same user that ask for SO_REUSEPORT may join.
    /// </remarks>
    public bool AcceptorPerLoop { get; set; }

    /// <summary>Whether <c>[::]</c> takes IPv6 connections only.</summary>
    /// <remarks>Defaults to false: <c>[::]</c> takes IPv4 connections too (row A5).</remarks>
    public bool IPv6Only { get; set; }

    /// <summary>Whether small writes are sent at once (TCP_NODELAY).</summary>
    /// <remarks>Defaults to true.</remarks>
    public bool NoDelay { get; set; } = true;

    /// <summary>After how long without traffic TCP keep-alive probes a connection.</summary>
    /// <remarks>Defaults to null: no probes. In whole seconds.</remarks>
    public TimeSpan? KeepAliveTime { get; set; }

    /// <summary>The time between two keep-alive probes that were not answered.</summary>
    /// <remarks>Defaults to null: the operating system's own. In whole seconds; has an effect only with <see cref="KeepAliveTime"/>.</remarks>
    public TimeSpan? KeepAliveInterval { get; set; }

    /// <summary>After how many unanswered keep-alive probes the connection is given up.</summary>
    /// <remarks>Defaults to null: the operating system's own. Has an effect only with <see cref="KeepAliveTime"/>.</remarks>
    public int? KeepAliveRetryCount { get; set; }

    /// <summary>
    /// How long data that was sent may be unacknowledged before the system gives the connection up (TCP_USER_TIMEOUT): so a peer that is gone
    /// is noticed while something is under way to it (row G15).
    /// </summary>
    /// <remarks>
    /// Defaults to null: the operating system's own, a quarter of an hour on Linux. In whole milliseconds; on Linux only, without effect
    /// elsewhere. A peer that is there and does not read for so long is given up too, as its buffers are full. With keep-alive it replaces
    /// <see cref="KeepAliveRetryCount"/>.
    /// </remarks>
    public TimeSpan? UserTimeout { get; set; }

    /// <summary>Whether a socket that listens with these options can be given the others without being bound again.</summary>
    internal bool CanBecome(SocketListenerOptions other)
        => ReusePort == other.ReusePort && AcceptorPerLoop == other.AcceptorPerLoop && IPv6Only == other.IPv6Only;
}
