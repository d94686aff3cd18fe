namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>
/// Finds items by their tokens. A token is never used twice, so that what the system tells of a descriptor that is closed by now
/// finds nothing.
/// </summary>
internal sealed class LoopItemTable
{
    private const int SlotBits = 32;

    private readonly Lock _lock = new();
    private readonly Stack<int> _free = new();
    private LoopItem?[] _items = new LoopItem?[64];
    private int _used;
    private int _generation;

    /// <summary>Gives an item its token.</summary>
    public void Add(LoopItem item)
    {
        lock (_lock)
        {
            if (!_free.TryPop(out int slot))
            {
                if (_used == _items.Length)
                {
                    LoopItem?[] larger = new LoopItem?[_used * 2];
                    _items.CopyTo(larger, 0);
                    Volatile.Write(ref _items, larger);
                }

                slot = _used++;
            }

            // Not zero, which is nobody's.
            _generation = _generation == int.MaxValue ? 1 : _generation + 1;
            item.Token = ((long)_generation << SlotBits) | (uint)slot;
            Volatile.Write(ref _items[slot], item);
        }
    }

    public LoopItem? Find(long token)
    {
        LoopItem?[] items = Volatile.Read(ref _items);
        LoopItem? item = Volatile.Read(ref items[(int)token]);
        return item?.Token == token ? item : null;
    }

    public void Remove(long token)
    {
        lock (_lock)
        {
            int slot = (int)token;
            _items[slot] = null;
            _free.Push(slot);
        }
    }
}
