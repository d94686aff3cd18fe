using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Transport.EventLoops;
using KestrelSocketServer.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Transport;

/// <summary>Moves the bytes of all connections of an application, by one of the drivers.</summary>
internal sealed class SocketTransport : IDisposable
{
    private readonly SocketServerTransportOptions _options;
    private readonly ILogger _logger;
    private readonly TransportSettings _settings;
    private readonly HandlerThreads _threads = new();
    private readonly Lock _lock = new();
    private EventLoopGroup? _loops;
    private DescriptorReserve? _reserve;

    public SocketTransport(SocketServerTransportOptions options, ILogger logger, TimeProvider timeProvider)
    {
        _options = options;
        _logger = logger;
        bool hasLoops = options.EffectiveDriver == SocketTransportDriver.EventLoop;
        _settings = new TransportSettings(
            new BlockMemoryPool(), timeProvider,
            RunHandlersOnThreadPool: hasLoops && options.RunHandlersOnThreadPool);
    }

    /// <summary>How many acceptors make sense for one endpoint.</summary>
    public int MaxAcceptors => _options.EffectiveDriver == SocketTransportDriver.EventLoop ? _options.EffectiveEventLoopCount : 1;

    /// <summary>Takes what the driver needs from the system, before anything listens.</summary>
    /// <exception cref="IOException">The system does not give it.</exception>
    public void Start()
    {
        if (_options.EffectiveDriver == SocketTransportDriver.EventLoop)
        {
            GetLoops();
        }
    }

    /// <summary>Makes what accepts the connections of a listening socket.</summary>
    /// <param name="listener">The socket; it stays the caller's.</param>
    /// <param name="loop">The number of the event loop that accepts and serves them, below <see cref="MaxAcceptors"/>; null lets them go round over the loops.</param>
    /// <param name="gate">Decides on the clients.</param>
    /// <param name="observer">Told of the connections.</param>
    public IAcceptor CreateAcceptor(Socket listener, int? loop, IAcceptGate gate, TransportObserver observer)
    {
        EndPoint local = listener.LocalEndPoint!;
        DescriptorReserve reserve = Prepare();
        if (_options.EffectiveDriver == SocketTransportDriver.Socket)
        {
            return new SocketAcceptor(listener, reserve, gate, (accepted, ticket) => new TransportConnection(new AsyncSocket(accepted, _threads, _settings.TimeProvider), _settings, observer)
            {
                LocalEndPoint = accepted.LocalEndPoint,
                RemoteEndPoint = accepted.RemoteEndPoint,
                Ticket = ticket,
            });
        }

        EventLoopGroup loops = GetLoops();
        EventLoop? own = loop is null ? null : loops[loop.Value];
        return new EpollAcceptor(own ?? loops.Next(), listener, reserve, gate, (accepted, remote, ticket) =>
        {
            try
            {
                var socket = new EpollSocket(own ?? loops.Next(), accepted);
                var connection = new TransportConnection(socket, _settings, observer);
                connection.LocalEndPoint = local is IPEndPoint { Address: { } address } && address.IsAny() ? socket.ReadLocalEndPoint() : local;
                connection.RemoteEndPoint = remote ?? socket.Socket.RemoteEndPoint;
                connection.Ticket = ticket;
                return connection;
            }
            catch
            {
                // Thrown on; the client must not be left waiting.
                accepted.Dispose();
                throw;
            }
        });
    }

    private EventLoopGroup GetLoops()
    {
        lock (_lock)
        {
            return _loops ??= new EventLoopGroup(_options, _options.RunHandlersOnThreadPool ? _threads : null, _logger);
        }
    }

    public void Dispose()
    {
        _loops?.Dispose();
        _threads.Dispose();
        _settings.MemoryPool.Dispose();
    }

    // What is needed when descriptors run out is there before anything is accepted.
    private DescriptorReserve Prepare()
    {
        lock (_lock)
        {
            if (_reserve is null)
            {
                // The runtime starts the thread of its timers, by which accepting waits, with the first of them.
                using var timer = new Timer(static _ => { }, null, dueTime: 0, Timeout.Infinite);
                _reserve = new DescriptorReserve();
            }

            return _reserve;
        }
    }
}
