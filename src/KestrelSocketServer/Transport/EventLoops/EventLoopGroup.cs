using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>The event loops of an application, with the threads that serve them.</summary>
internal sealed class EventLoopGroup : IDisposable
{
    private readonly LoopThreads _threads = new();
    private readonly EventLoopMonitor _monitor;
    private readonly EventLoop[] _loops;
    private uint _next;

    public EventLoopGroup(SocketTransportOptions options, HandlerThreads? handlerThreads, ILogger logger)
    {
        _monitor = new EventLoopMonitor(_threads, options.BlockingLimit, logger);
        _loops = [.. Enumerable.Range(0, options.EffectiveEventLoopCount).Select(_ => new EventLoop(_threads, _monitor, logger, handlerThreads))];
        foreach (EventLoop loop in _loops)
        {
            TakeThread().Serve(loop, state: 0);
        }

        _threads.Return(TakeThread());
        _monitor.Start(_loops);
    }

    public EventLoop this[int number] => _loops[number];

    private LoopThread TakeThread() => _threads.Take() ?? throw new InvalidOperationException(
        "The system has no thread, or no descriptors, for the event loops: raise its limits, or lower SocketTransportOptions.EventLoopCount.");

    /// <summary>The loops in turns.</summary>
    public EventLoop Next() => _loops[Interlocked.Increment(ref _next) % (uint)_loops.Length];

    public void Dispose()
    {
        _monitor.Dispose();
        foreach (EventLoop loop in _loops)
        {
            loop.Stop();
        }

        _threads.Stop();
    }
}
