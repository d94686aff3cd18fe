namespace KestrelSocketServer.Connections;

/// <summary>
/// What the connections of a host have written that their peers have not taken, all together, and the bound of it. What goes to the system
/// at once is never entered here, so that it costs the usual write a comparison.
/// </summary>
internal sealed class UnsentAccount
{
    private readonly HashSet<SocketConnection> _holders = [];
    private long _total;
    private long _max;
    private int _isRelieved;

    /// <param name="max">The bound, in bytes; null for the default.</param>
    public UnsentAccount(long? max) => Limit(max);

    /// <summary>How many bytes are unsent.</summary>
    public long Total => Volatile.Read(ref _total);

    /// <summary>How many bytes may be.</summary>
    public long Max => Volatile.Read(ref _max);

    /// <summary>Changes the bound.</summary>
    public void Limit(long? max) => Volatile.Write(ref _max, max ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);

    /// <returns>Whether the bound is passed: then <see cref="Relieve"/> is to be called, with no lock held.</returns>
    public bool Add(long bytes) => Interlocked.Add(ref _total, bytes) > Max;

    /// <summary>A connection has something entered from now on.</summary>
    public void Register(SocketConnection holder)
    {
        lock (_holders)
        {
            _holders.Add(holder);
        }
    }

    /// <summary>A connection is over.</summary>
    public void Unregister(SocketConnection holder)
    {
        lock (_holders)
        {
            _holders.Remove(holder);
        }
    }

    /// <summary>Closes the connections that hold most, until the bound is kept. On the thread that has passed it, so that it cannot be outrun.</summary>
    public void Relieve()
    {
        while (Total > Max && Interlocked.Exchange(ref _isRelieved, 1) == 0)
        {
            try
            {
                foreach ((SocketConnection holder, long unsent) in FindHolders())
                {
                    if (Total <= Max)
                    {
                        break;
                    }

                    holder.OnMemoryBound(unsent, Max);
                }
            }
            finally
            {
                Volatile.Write(ref _isRelieved, 0);
            }

            if (FindHolders().Length == 0)
            {
                // What is left belongs to those that are closing.
                return;
            }
        }
    }

    private (SocketConnection Holder, long Unsent)[] FindHolders()
    {
        lock (_holders)
        {
            return [.. _holders.Select(holder => (Holder: holder, Unsent: holder.Writer.Entered)).Where(pair => pair.Unsent > 0).OrderByDescending(pair => pair.Unsent)];
        }
    }
}
