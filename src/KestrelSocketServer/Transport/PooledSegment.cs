using System.Buffers;

namespace KestrelSocketServer.Transport;

/// <summary>
/// Part of a stream of bytes, in memory of the shared pool: filled from <see cref="Start"/> to <see cref="End"/>. The pool gives
/// memory back to the system when a peak is over.
/// </summary>
internal sealed class PooledSegment : ReadOnlySequenceSegment<byte>
{
    private const int MaxIdle = 32;

    // Segments without memory, for the next connection that this thread works for: none has to keep its own.
    [ThreadStatic]
    private static PooledSegment? t_idle;

    [ThreadStatic]
    private static int t_idleCount;

    private byte[] _array = [];

    private PooledSegment()
    {
    }

    /// <summary>Where the bytes begin that nobody has taken yet.</summary>
    public int Start { get; set; }

    /// <summary>How much of the memory is filled.</summary>
    public int End { get; private set; }

    /// <summary>How much of the memory is free.</summary>
    public int Room => _array.Length - End;

    public PooledSegment? NextSegment => (PooledSegment?)Next;

    public ReadOnlyMemory<byte> Unread => new(_array, Start, End - Start);

    public ReadOnlySpan<byte> UnreadSpan => _array.AsSpan(Start, End - Start);

    public Memory<byte> RoomMemory => _array.AsMemory(End);

    public Span<byte> RoomSpan => _array.AsSpan(End);

    /// <summary>Takes memory from the pool.</summary>
    /// <param name="size">The least size.</param>
    /// <param name="runningIndex">How many bytes of the stream come before.</param>
    public static PooledSegment Rent(int size, long runningIndex = 0)
    {
        PooledSegment segment = TakeIdle() ?? new PooledSegment();
        segment._array = ArrayPool<byte>.Shared.Rent(size);
        segment.RunningIndex = runningIndex;
        return segment;
    }

    /// <summary>Gives the memory back; the segment must not be used any more.</summary>
    public void Return()
    {
        ArrayPool<byte>.Shared.Return(_array);
        _array = [];
        Memory = default;
        Next = null;
        Start = 0;
        End = 0;
        if (t_idleCount < MaxIdle)
        {
            t_idleCount++;
            Next = t_idle;
            t_idle = this;
        }
    }

    /// <summary>The next <paramref name="count"/> bytes of the room are filled.</summary>
    public void Commit(int count) => End += count;

    /// <summary>Makes what is filled readable as part of a sequence.</summary>
    public void Publish() => Memory = new ReadOnlyMemory<byte>(_array, 0, End);

    public void Append(PooledSegment next) => Next = next;

    private static PooledSegment? TakeIdle()
    {
        if (t_idle is { } idle)
        {
            t_idleCount--;
            t_idle = idle.NextSegment;
            idle.Next = null;
            return idle;
        }

        return null;
    }
}
