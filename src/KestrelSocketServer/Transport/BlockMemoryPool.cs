using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Transport;

/// <summary>
/// Blocks of pinned memory for the pipes that middleware puts around a connection's own, as TLS does. Renting allocates nothing once
/// there are enough; what is idle beyond <see cref="MaxIdle"/> after a peak is left to the garbage collector.
/// </summary>
internal sealed class BlockMemoryPool : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    // What a TLS record holds: one call then decrypts or encrypts one that is full.
    private const int BlockSize = 16 * 1024;
    private const int MaxIdle = 2048;

    private readonly ConcurrentBag<Block> _idle = new();
    private int _idleCount;

    public override int MaxBufferSize => BlockSize;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);

        if (!_idle.TryTake(out Block? block))
        {
            return new Block(this);
        }

        Interlocked.Decrement(ref _idleCount);
        return block;
    }

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new BlockMemoryPool();

    protected override void Dispose(bool disposing) => _idle.Clear();

    private void Return(Block block)
    {
        if (Interlocked.Increment(ref _idleCount) <= MaxIdle)
        {
            _idle.Add(block);
        }
        else
        {
            Interlocked.Decrement(ref _idleCount);
        }
    }

    private sealed class Block(BlockMemoryPool pool) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } =
            MemoryMarshal.CreateFromPinnedArray(GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true), 0, BlockSize);

        public void Dispose() => pool.Return(this);
    }
}
