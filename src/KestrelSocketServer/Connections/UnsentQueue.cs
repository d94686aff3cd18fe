using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;

namespace KestrelSocketServer.Connections;

/// <summary>
/// Holds what is written while a flush is under way: a <see cref="PipeWriter"/> must not be touched until its flush has
/// completed. Not thread-safe: the writer's lock guards it.
/// </summary>
internal sealed class UnsentQueue : IBufferWriter<byte>
{
    private const int SegmentSize = 16 * 1024;

    private Segment? _head;
    private Segment? _tail;

    public bool IsEmpty => _head is null;

    public void Append(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            Span<byte> room = GetSpan();
            int count = Math.Min(data.Length, room.Length);
            data[..count].CopyTo(room);
            Advance(count);
            data = data[count..];
        }
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _tail is null ? 0 : _tail.Array.Length - _tail.End);
        if (count > 0)
        {
            _tail!.End += count;
        }
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_tail is null || _tail.Array.Length - _tail.End < Math.Max(sizeHint, 1))
        {
            AddSegment(sizeHint);
        }

        return _tail!.Array.AsMemory(_tail.End);
    }

    /// <summary>Moves the oldest bytes, about <paramref name="limit"/> of them, to the writer; returns how many.</summary>
    public long MoveTo(PipeWriter output, long limit)
    {
        long moved = 0;
        while (_head is not null && moved < limit)
        {
            output.Write(_head.Array.AsSpan(0, _head.End));
            moved += _head.End;
            RemoveHead();
        }

        return moved;
    }

    public void Clear()
    {
        while (_head is not null)
        {
            RemoveHead();
        }
    }

    private void AddSegment(int size)
    {
        var segment = new Segment(ArrayPool<byte>.Shared.Rent(Math.Max(size, SegmentSize)));
        if (_tail is null)
        {
            _head = segment;
        }
        else
        {
            _tail.Next = segment;
        }

        _tail = segment;
    }

    private void RemoveHead()
    {
        Debug.Assert(_head is not null);

        ArrayPool<byte>.Shared.Return(_head.Array);
        _head = _head.Next;
        if (_head is null)
        {
            _tail = null;
        }
    }

    private sealed class Segment(byte[] array)
    {
        public byte[] Array { get; } = array;

        public int End { get; set; }

        public Segment? Next { get; set; }
    }
}
