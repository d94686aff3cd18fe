using System.Buffers;

namespace KestrelSocketServer.Messages;

/// <summary>Where a message is serialized to before it is framed: one for each thread, and another one for who asks meanwhile.</summary>
internal sealed class PayloadBuffer : IBufferWriter<byte>, IDisposable
{
    private const int MinSize = 512;

    // What is larger goes back to the pool, rather than to be kept by every thread.
    private const int MaxKept = 64 * 1024;

    [ThreadStatic]
    private static PayloadBuffer? Spare;

    private byte[] _array = [];
    private int _written;

    public ReadOnlyMemory<byte> WrittenMemory => _array.AsMemory(0, _written);

    public static PayloadBuffer Rent()
    {
        PayloadBuffer buffer = Spare ?? new PayloadBuffer();
        Spare = null;
        return buffer;
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _array.Length - _written);
        _written += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _array.AsMemory(_written);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _array.AsSpan(_written);
    }

    public void Dispose()
    {
        _written = 0;
        if (_array.Length > MaxKept)
        {
            ArrayPool<byte>.Shared.Return(_array);
            _array = [];
        }

        Spare = this;
    }

    private void EnsureRoom(int sizeHint)
    {
        int needed = checked(_written + Math.Max(sizeHint, 1));
        if (needed <= _array.Length)
        {
            return;
        }

        int doubled = (int)Math.Min(2L * _array.Length, Array.MaxLength);
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(needed, MinSize), doubled));
        WrittenMemory.CopyTo(larger);
        if (_array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
        }

        _array = larger;
    }
}
