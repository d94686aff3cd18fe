using System.Numerics;

namespace KestrelSocketServer.Gate;

/// <summary>
/// What is remembered of the addresses of clients: how many connections each has, and its token bucket. Not thread-safe.
/// </summary>
/// <remarks>
/// An address without connections is remembered only while its bucket is not full, as a full one is as good as none. Of those, the one that
/// was seen last longest ago gives way where the table holds as many addresses as it may: then that address has a full bucket when it
/// comes again. Addresses with connections never give way; where they alone are more than the table may hold, it grows with them, and
/// remembers no others. So it takes the larger of its bound and of what the open connections need, however many addresses come.
/// Hashing is seeded, so that nobody can choose addresses that meet in one chain.
/// </remarks>
internal sealed class AddressTable(int capacity)
{
    private const int MinSize = 16;

    // How many of the longest unseen addresses are looked at when another one comes, so that the table empties as fast as it fills.
    private const int MaxForgotten = 2;

    private readonly ulong _seed = (ulong)Random.Shared.NextInt64() | 1;
    private readonly ulong _otherSeed = (ulong)Random.Shared.NextInt64() | 1;

    // Slots count from 1. The first one is the ends of the list of those without connections: its newer one was seen longest ago.
    private Entry[] _entries = new Entry[1];
    private int[] _chains = [];
    private int _used;
    private int _free;

    /// <summary>How many addresses it holds.</summary>
    public int Count { get; private set; }

    /// <summary>How many it has room for.</summary>
    public int Size => _entries.Length - 1;

    /// <summary>Finds an address.</summary>
    /// <returns>Its slot, which stays the same as long as it has connections; zero where the address is not known.</returns>
    public int Find(AddressKey address)
    {
        int slot = _chains.Length == 0 ? 0 : _chains[ChainOf(address)];
        while (slot != 0 && _entries[slot].Address != address)
        {
            slot = _entries[slot].Next;
        }

        return slot;
    }

    public int ConnectionsOf(int slot) => _entries[slot].Connections;

    public ref TokenBucket BucketOf(int slot) => ref _entries[slot].Bucket;

    /// <summary>An address has one connection more.</summary>
    /// <returns>Its slot.</returns>
    public int Enter(AddressKey address, long now)
    {
        int slot = Find(address);
        if (slot == 0)
        {
            slot = Add(address, now);
        }
        else if (_entries[slot].Connections == 0)
        {
            Unlink(slot);
        }

        _entries[slot].Connections++;
        return slot;
    }

    /// <summary>An address has one connection less.</summary>
    public void Leave(int slot, long now)
    {
        if (--_entries[slot].Connections > 0)
        {
            return;
        }

        if (_entries[slot].Bucket.IsFull(now) || Count > capacity)
        {
            Remove(slot);
        }
        else
        {
            Link(slot);
        }
    }

    /// <summary>An address that has no connection was seen.</summary>
    public void Touch(int slot)
    {
        if (slot != 0 && _entries[slot].Connections == 0)
        {
            Unlink(slot);
            Link(slot);
        }
    }

    private int Add(AddressKey address, long now)
    {
        for (int forgotten = 0; forgotten < MaxForgotten && _entries[0].Newer is not 0 and var oldest
            && (Count >= capacity || _entries[oldest].Bucket.IsFull(now)); forgotten++)
        {
            Unlink(oldest);
            Remove(oldest);
        }

        int slot = _free;
        if (slot != 0)
        {
            _free = _entries[slot].Next;
        }
        else
        {
            if (_used + 1 == _entries.Length)
            {
                Grow();
            }

            slot = ++_used;
        }

        ref int chain = ref _chains[ChainOf(address)];
        _entries[slot] = new Entry { Address = address, Next = chain };
        chain = slot;
        Count++;
        return slot;
    }

    private void Remove(int slot)
    {
        ref int link = ref _chains[ChainOf(_entries[slot].Address)];
        while (link != slot)
        {
            link = ref _entries[link].Next;
        }

        link = _entries[slot].Next;
        _entries[slot] = new Entry { Next = _free };
        _free = slot;
        Count--;
    }

    private void Grow()
    {
        int size = Math.Max(MinSize, Size * 2);
        Array.Resize(ref _entries, size + 1);
        _chains = new int[size];
        for (int slot = 1; slot <= _used; slot++)
        {
            ref int chain = ref _chains[ChainOf(_entries[slot].Address)];
            _entries[slot].Next = chain;
            chain = slot;
        }
    }

    private int ChainOf(AddressKey address)
    {
        ulong mixed = ((ulong)(address.Value >> 64) * _seed) ^ BitOperations.RotateLeft((ulong)address.Value * _otherSeed, 32);
        return (int)((mixed * _seed) >> (64 - BitOperations.Log2((uint)_chains.Length)));
    }

    private void Link(int slot)
    {
        int newest = _entries[0].Older;
        _entries[slot].Older = newest;
        _entries[slot].Newer = 0;
        _entries[newest].Newer = slot;
        _entries[0].Older = slot;
    }

    private void Unlink(int slot)
    {
        ref Entry entry = ref _entries[slot];
        _entries[entry.Older].Newer = entry.Newer;
        _entries[entry.Newer].Older = entry.Older;
    }

    private struct Entry
    {
        public AddressKey Address;
        public TokenBucket Bucket;
        public int Connections;
        public int Next;
        public int Older;
        public int Newer;
    }
}
