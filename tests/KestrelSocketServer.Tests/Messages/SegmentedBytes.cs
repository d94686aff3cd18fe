using System.Buffers;

namespace KestrelSocketServer.Tests.Messages;

/// <summary>
/// Bytes that arrive piece by piece, as a pipe hands them out: what was not consumed comes again, together with the next piece.
/// </summary>
internal sealed class SegmentedBytes
{
    private readonly List<byte[]> _pieces = [];

    public ReadOnlySequence<byte> Buffer
    {
        get
        {
            if (_pieces.Count == 0)
            {
                return ReadOnlySequence<byte>.Empty;
            }

            var first = new Segment(_pieces[0], 0);
            Segment last = first;
            foreach (byte[] piece in _pieces.Skip(1))
            {
                last = last.Append(piece);
            }

            return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
        }
    }

    public void Add(byte[] piece)
    {
        if (piece.Length > 0)
        {
            _pieces.Add(piece);
        }
    }

    public void Consume(long count)
    {
        while (count > 0)
        {
            int taken = (int)Math.Min(count, _pieces[0].Length);
            count -= taken;
            _pieces[0] = _pieces[0][taken..];
            if (_pieces[0].Length == 0)
            {
                _pieces.RemoveAt(0);
            }
        }
    }

    /// <summary>Cuts bytes at some places, which are taken modulo their length.</summary>
    public static IEnumerable<byte[]> Split(byte[] bytes, IEnumerable<int> places)
    {
        int start = 0;
        foreach (int place in places.Select(place => place % (bytes.Length + 1)).Order())
        {
            yield return bytes[start..place];
            start = place;
        }

        yield return bytes[start..];
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] bytes, long index)
        {
            Memory = bytes;
            RunningIndex = index;
        }

        public Segment Append(byte[] bytes)
        {
            var next = new Segment(bytes, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
