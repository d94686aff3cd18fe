using System.Buffers;
using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>Reads a known stream step by step, and asserts of each read what the steps before it allow.</summary>
public sealed class SteppingReader(PipeReader input, byte[] expected)
{
    private static readonly CancellationToken Cancelled = new(canceled: true);

    // Positions in the stream: consumed <= examined <= seen.
    private int _consumed;
    private int _examined;
    private int _seen;

    /// <summary>Whether all was consumed, and the end was told.</summary>
    public bool HasEnded { get; private set; }

    public async Task StepAsync(ReadStep step)
    {
        switch (step.Kind)
        {
            case ReadStepKind.Read:
                Accept(await input.ReadAsync().Soon(), 1, step);
                break;
            case ReadStepKind.ReadAtLeast:
                int least = 1 + (step.Examined * 32 * 1024);
                Accept(await input.ReadAtLeastAsync(least).Soon(), least, step);
                break;
            case ReadStepKind.TryRead when input.TryRead(out ReadResult result):
                Accept(result, 1, step);
                break;
            case ReadStepKind.TryRead:
                Assert.Equal(_seen, _examined);
                Assert.False(HasEnded);
                break;
            case ReadStepKind.Cancel:
                input.CancelPendingRead();
                ReadResult cancelled = await input.ReadAsync().Soon();
                Assert.True(cancelled.IsCanceled);
                Advance(cancelled.Buffer, 0, (int)cancelled.Buffer.Length);
                break;
            default:
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => input.ReadAsync(Cancelled).Soon());
                break;
        }
    }

    private void Accept(ReadResult result, int least, ReadStep step)
    {
        ReadOnlySequence<byte> buffer = result.Buffer;
        int length = (int)buffer.Length;
        int end = _consumed + length;
        Assert.False(result.IsCanceled);
        Assert.True(end >= _seen, "A read gave less than the one before.");
        Assert.True(result.IsCompleted || length >= least, "A read gave less than it was asked for.");
        Assert.True(result.IsCompleted || end > _examined, "A read gave nothing new.");
        Assert.True(!result.IsCompleted || end == expected.Length, "The end came before the last data.");
        Check(buffer.Slice(_seen - _consumed), _seen);

        int consumed = ((length * step.Consumed) + 7) / 8;
        int examined = Math.Max(consumed, length * step.Examined / 8);
        Check(buffer.Slice(0, consumed), _consumed);
        Advance(buffer, consumed, Math.Max(examined, _examined - _consumed));
        HasEnded = result.IsCompleted && _consumed == expected.Length;
    }

    private void Advance(ReadOnlySequence<byte> buffer, int consumed, int examined)
    {
        _seen = Math.Max(_seen, _consumed + (int)buffer.Length);
        _examined = Math.Max(_examined, _consumed + examined);
        _consumed += consumed;
        if (consumed == examined)
        {
            input.AdvanceTo(buffer.GetPosition(consumed));
        }
        else
        {
            input.AdvanceTo(buffer.GetPosition(consumed), buffer.GetPosition(examined));
        }
    }

    private void Check(ReadOnlySequence<byte> bytes, int position)
    {
        foreach (ReadOnlyMemory<byte> segment in bytes)
        {
            Assert.True(expected.AsSpan(position, segment.Length).SequenceEqual(segment.Span), $"The bytes from {position} on are not those that were sent.");
            position += segment.Length;
        }
    }
}
