using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What many tests do with a reader.</summary>
internal static class PipeReading
{
    /// <summary>Reads until that many bytes are there, consumes none, and leaves the last read to be advanced by the caller.</summary>
    public static async Task<ReadOnlySequence<byte>> GatherAsync(this PipeReader input, int count)
    {
        long examined = 0;
        while (true)
        {
            ReadResult result = await input.ReadAsync().Soon();
            Assert.False(result.IsCanceled);
            Assert.True(result.IsCompleted || result.Buffer.Length > examined, "A read gave nothing new.");
            if (result.Buffer.Length >= count)
            {
                return result.Buffer;
            }

            Assert.False(result.IsCompleted, $"The stream ended after {result.Buffer.Length} of {count} bytes.");
            examined = result.Buffer.Length;
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>Reads and consumes that many bytes, and leaves what is behind them as not examined.</summary>
    public static async Task<byte[]> TakeAsync(this PipeReader input, int count)
    {
        ReadOnlySequence<byte> taken = (await input.GatherAsync(count)).Slice(0, count);
        byte[] bytes = taken.ToArray();
        input.AdvanceTo(taken.End);
        return bytes;
    }

    /// <summary>Reads and consumes all until the peer's end.</summary>
    public static async Task<byte[]> TakeToEndAsync(this PipeReader input)
    {
        using var taken = new MemoryStream();
        while (true)
        {
            ReadResult result = await input.ReadAsync().Soon();
            Assert.False(result.IsCanceled);
            Assert.True(result.IsCompleted || !result.Buffer.IsEmpty, "A read gave nothing new.");
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                taken.Write(segment.Span);
            }

            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return taken.ToArray();
            }
        }
    }

    public static string Text(this ReadOnlySequence<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
