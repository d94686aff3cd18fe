namespace KestrelSocketServer.Connections;

/// <summary>The subscriptions of a connection. They come and go from any thread, without a lock; none is kept once they were released.</summary>
internal struct ConnectionEvents
{
    // Stands for the closed event once it was raised.
    private static readonly Action Raised = static () => { };

    public Action<ReadOnlySpan<byte>>? Data;
    public Action? Ended;
    public Action<Exception>? Error;
    public Action? Drained;
    public Action? Stopping;
    private Action? _closed;

    public void Add<T>(ref T? subscribers, T? subscriber)
        where T : Delegate
    {
        T? current = Volatile.Read(ref subscribers);
        T? seen;
        do
        {
            seen = current;
            current = Interlocked.CompareExchange(ref subscribers, (T?)Delegate.Combine(seen, subscriber), seen);
        }
        while (!ReferenceEquals(current, seen));

        // Behind a full fence, as what releases is behind that of TakeClosed: one of the two finds what the other did.
        if (ReferenceEquals(Volatile.Read(ref _closed), Raised))
        {
            subscribers = null;
        }
    }

    public static void Remove<T>(ref T? subscribers, T? subscriber)
        where T : Delegate
    {
        T? current = Volatile.Read(ref subscribers);
        T? seen;
        do
        {
            seen = current;
            current = Interlocked.CompareExchange(ref subscribers, (T?)Delegate.Remove(seen, subscriber), seen);
        }
        while (!ReferenceEquals(current, seen));
    }

    /// <summary>Subscribes to the closed event; one that comes after it is raised here and now.</summary>
    public void AddClosed(Action? subscriber)
    {
        while (true)
        {
            Action? seen = Volatile.Read(ref _closed);
            if (ReferenceEquals(seen, Raised))
            {
                subscriber?.Invoke();
                return;
            }

            if (ReferenceEquals(Interlocked.CompareExchange(ref _closed, seen + subscriber, seen), seen))
            {
                return;
            }
        }
    }

    public void RemoveClosed(Action? subscriber) => Remove(ref _closed, subscriber);

    /// <summary>Takes the subscribers of the closed event, which are to be raised now. Nobody else is kept from now on.</summary>
    public Action? TakeClosed() => Interlocked.Exchange(ref _closed, Raised);

    /// <summary>Forgets the subscribers, after <see cref="TakeClosed"/>.</summary>
    public void Release()
    {
        Data = null;
        Ended = null;
        Error = null;
        Drained = null;
        Stopping = null;
    }
}
