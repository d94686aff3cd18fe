using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>Moves the bytes of all connections of an application, by one of the drivers.</summary>
internal sealed class SocketTransport : IDisposable
{
    private readonly SocketTransportOptions _options;
    private readonly ILogger _logger;
    private readonly TransportSettings _settings;
    private readonly Lock _lock = new();
    private EventLoopGroup? _loops;

    public SocketTransport(SocketTransportOptions options, ILogger logger, TimeProvider timeProvider)
    {
        _options = options;
        _logger = logger;
        bool hasLoops = options.EffectiveDriver == SocketTransportDriver.EventLoop;
        _settings = new TransportSettings(
            new BlockMemoryPool(), timeProvider,
            RunHandlersOnThreadPool: hasLoops && options.RunHandlersOnThreadPool,
            HasOwnThreads: hasLoops && !options.RunHandlersOnThreadPool);
    }

    /// <summary>How many acceptors make sense for one endpoint.</summary>
    public int MostAcceptors => _options.EffectiveDriver == SocketTransportDriver.EventLoop ? _options.EffectiveEventLoopCount : 1;

    /// <summary>Makes what accepts the connections of a listening socket.</summary>
    /// <param name="listener">The socket; it stays the caller's.</param>
    /// <param name="onBlocked">Told when a handler has held its event loop for too long; on a thread that others wait for.</param>
    public IAcceptor CreateAcceptor(Socket listener, Action<TransportConnection> onBlocked)
    {
        EndPoint local = listener.LocalEndPoint!;
        if (_options.EffectiveDriver == SocketTransportDriver.Socket)
        {
            return new SocketAcceptor(listener, accepted => new TransportConnection(new AsyncSocket(accepted, _settings.TimeProvider), _settings, onBlocked)
            {
                LocalEndPoint = accepted.LocalEndPoint,
                RemoteEndPoint = accepted.RemoteEndPoint,
            });
        }

        EventLoopGroup loops;
        lock (_lock)
        {
            loops = _loops ??= new EventLoopGroup(_options, _logger);
        }

        EventLoop loop = loops.Next();
        return new EpollAcceptor(loop, listener, (accepted, remote) =>
        {
            var socket = new EpollSocket(loops.Next(), accepted);
            var connection = new TransportConnection(socket, _settings, onBlocked);
            connection.LocalEndPoint = IsAny(local) ? socket.ReadLocalEndPoint() : local;
            connection.RemoteEndPoint = remote ?? socket.Socket.RemoteEndPoint;
            return connection;
        });
    }

    public void Dispose()
    {
        _loops?.Dispose();
        _settings.MemoryPool.Dispose();
    }

    private static bool IsAny(EndPoint local) => local is IPEndPoint { Address: { } address } && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
}
