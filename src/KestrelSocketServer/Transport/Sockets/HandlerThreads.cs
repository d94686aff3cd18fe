using System.Collections.Concurrent;

namespace KestrelSocketServer.Transport.Sockets;

/// <summary>
/// Where handlers run that have no event loop: on the thread pool, until as many as it keeps threads for are stuck there, and from then
/// on, while they are, on threads that are started as they are needed. So handlers that block leave the pool to the rest of the process,
/// and it need not grow, which takes it half a second for each thread.
/// </summary>
/// <remarks>
/// Stuck means that none has returned for a while: many that run are only many, and another thread would cost more than it brings.
/// </remarks>
internal sealed class HandlerThreads : IThreadPoolWorkItem, IDisposable
{
    // More handlers than that, all blocking at the same time, are left to the pool.
    private const int MaxThreads = 2048;

    // Milliseconds.
    private const long StuckTime = 50;

    // As many as the pool keeps threads for.
    private static readonly int MaxOnPool = Environment.ProcessorCount;

    private readonly ConcurrentQueue<IThreadPoolWorkItem> _scheduled = new();
    private readonly Stack<HandlerThread> _idle = new();
    private int _onPool;
    private long _lastReturn = Environment.TickCount64;
    private int _threadCount;
    private bool _isDisposed;

    /// <summary>Runs something on this thread, which is one of the pool, or on another one.</summary>
    public void Run(IThreadPoolWorkItem work)
    {
        if (IsPoolStuck && TryRunElsewhere(work))
        {
            return;
        }

        Interlocked.Increment(ref _onPool);
        try
        {
            work.Execute();
        }
        finally
        {
            Volatile.Write(ref _lastReturn, Environment.TickCount64);
            Interlocked.Decrement(ref _onPool);
        }
    }

    /// <summary>Runs something soon, on another thread.</summary>
    public void Schedule(IThreadPoolWorkItem work)
    {
        if (IsPoolStuck && TryRunElsewhere(work))
        {
            return;
        }

        _scheduled.Enqueue(work);
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Lets the idle threads end, and others when they are done.</summary>
    public void Dispose()
    {
        lock (_idle)
        {
            _isDisposed = true;
            while (_idle.TryPop(out HandlerThread? idle))
            {
                idle.Stop();
            }
        }
    }

    // One that was scheduled, not a certain one.
    void IThreadPoolWorkItem.Execute()
    {
        if (_scheduled.TryDequeue(out IThreadPoolWorkItem? work))
        {
            Run(work);
        }
    }

    private bool IsPoolStuck
        => Volatile.Read(ref _onPool) >= MaxOnPool && Environment.TickCount64 - Volatile.Read(ref _lastReturn) > StuckTime;

    private bool TryRunElsewhere(IThreadPoolWorkItem work)
    {
        lock (_idle)
        {
            if (_idle.TryPop(out HandlerThread? idle))
            {
                idle.Run(work);
                return true;
            }

            if (_threadCount == MaxThreads || _isDisposed || !DescriptorReserve.HasEnoughForThread())
            {
                return false;
            }

            _threadCount++;
        }

        try
        {
            new HandlerThread(this, work).Start();
            return true;
        }
        catch (OutOfMemoryException)
        {
            // What the runtime says when the system has no thread, or no descriptor for one.
            OnEnded();
            return false;
        }
    }

    private void OnEnded()
    {
        lock (_idle)
        {
            _threadCount--;
        }
    }

    // Returns false when the thread is to end.
    private bool Return(HandlerThread thread)
    {
        lock (_idle)
        {
            if (!_isDisposed)
            {
                _idle.Push(thread);
            }

            return !_isDisposed;
        }
    }

    // Returns false when it was given work just now.
    private bool Remove(HandlerThread thread)
    {
        lock (_idle)
        {
            HandlerThread[] others = [.. _idle.Reverse().Where(idle => idle != thread)];
            bool isIdle = others.Length < _idle.Count;
            if (isIdle)
            {
                _idle.Clear();
                Array.ForEach(others, _idle.Push);
            }

            return isIdle;
        }
    }

#pragma warning disable CA1001 // Disposed of when the thread ends.
    private sealed class HandlerThread(HandlerThreads threads, IThreadPoolWorkItem first)
#pragma warning restore CA1001
    {
        // An idle thread ends after that.
        private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

        private readonly SemaphoreSlim _asked = new(0);
        private IThreadPoolWorkItem? _work = first;

        public void Start() => new Thread(Run) { IsBackground = true, Name = "Socket handlers" }.UnsafeStart();

        public void Run(IThreadPoolWorkItem work)
        {
            _work = work;
            _asked.Release();
        }

        public void Stop() => _asked.Release();

        private void Run()
        {
            while (Interlocked.Exchange(ref _work, null) is { } work)
            {
                work.Execute();
                if (!threads.Return(this))
                {
                    break;
                }

                if (!_asked.Wait(IdleTime) && !threads.Remove(this))
                {
                    // Given work at the moment when it was about to end.
                    _asked.Wait();
                }
            }

            threads.OnEnded();
            _asked.Dispose();
        }
    }
}
