using System.Net.Sockets;
using KestrelSocketServer.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>The event loops of an application, with the threads that serve them.</summary>
internal sealed class EventLoopGroup : IDisposable
{
    private readonly LoopThreads _threads = new();
    private readonly EventLoopMonitor _monitor;
    private readonly EventLoop[] _loops;
    private uint _next;

    /// <exception cref="IOException">The system does not give what they take; nothing of them is left.</exception>
    public EventLoopGroup(SocketServerTransportOptions options, HandlerThreads? handlerThreads, ILogger logger)
    {
        _monitor = new EventLoopMonitor(_threads, options.BlockingLimit, logger);
        _loops = new EventLoop[options.EffectiveEventLoopCount];
        int served = 0;
        try
        {
            for (int i = 0; i < _loops.Length; i++)
            {
                _loops[i] = new EventLoop(_threads, _monitor, logger, handlerThreads);
            }

            for (; served < _loops.Length; served++)
            {
                TakeThread().Serve(_loops[served], state: 0);
            }

            _threads.Return(TakeThread());
        }
        catch (Exception exception)
        {
            foreach (EventLoop? loop in _loops.Skip(served))
            {
                // There is no thread that would.
                loop?.Dispose();
            }

            Dispose();
            if (exception is SocketException)
            {
                throw new IOException($"The event loops cannot be started: {exception.Message}", exception);
            }

            throw;
        }

        _monitor.Start(_loops);
    }

    public EventLoop this[int number] => _loops[number];

    private LoopThread TakeThread() => _threads.Take() ?? throw new InvalidOperationException(
        "The system has no thread, or no descriptors, for the event loops: raise its limits, or lower SocketServerTransportOptions.EventLoopCount.");

    /// <summary>The loops in turns.</summary>
    public EventLoop Next() => _loops[Interlocked.Increment(ref _next) % (uint)_loops.Length];

    public void Dispose()
    {
        _monitor.Dispose();
        foreach (EventLoop? loop in _loops)
        {
            // Fewer than were wanted where not all could be made.
            loop?.Stop();
        }

        _threads.Stop();
    }
}
