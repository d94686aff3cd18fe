namespace KestrelSocketServer;

/// <summary>How the sockets of connections are read and written.</summary>
public enum SocketTransportDriver
{
    /// <summary>
    /// An event loop for each core over epoll: a message is received, handled and answered on one thread without a hop. Linux
    /// on x64 and arm64 only, and the default there.
    /// </summary>
    EventLoop,

    /// <summary>The asynchronous operations of <see cref="System.Net.Sockets.Socket"/>, on the thread pool: everywhere.</summary>
    Socket,
}
