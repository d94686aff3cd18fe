using System.Buffers;
using CsCheck;
using KestrelSocketServer.ProxyProtocol;

namespace KestrelSocketServer.Tests.Fuzz;

[Trait("Row", "G18")]
public sealed class ProxyFuzzTests
{
    [Fact]
    public void Whatever_bytes_there_are_the_parser_throws_nothing_and_says_the_same_however_they_arrive() => Corpus.Mutated("proxy").Sample(bytes =>
    {
        ProxyHeaderResult whole = ProxyHeaderParser.Parse(bytes);
        int cut = bytes.Length / 2;
        ProxyHeaderResult split = ProxyHeaderParser.Parse(Segments(bytes.AsMemory(0, cut), bytes.AsMemory(cut)));

        Assert.Equal((whole.Fault, whole.Header?.Length, whole.Header?.Source), (split.Fault, split.Header?.Length, split.Header?.Source));
        Assert.InRange(whole.Header?.Length ?? 0, 0, Math.Min(bytes.Length, ProxyHeaderParser.MaxLength));
    });

    private static ReadOnlySequence<byte> Segments(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        var end = new Segment(second, first.Length, null);
        return new ReadOnlySequence<byte>(new Segment(first, 0, end), 0, end, second.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex, Segment? next)
        {
            (Memory, RunningIndex, Next) = (memory, runningIndex, next);
        }
    }
}
