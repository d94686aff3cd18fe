using System.IO.Pipelines;
using CsCheck;
using KestrelSocketServer.Tls;

namespace KestrelSocketServer.Tests.Tls;

public sealed class TlsTransportStreamTests
{
    [Fact]
    [Trait("Row", "P3")]
    [Trait("Row", "C24")]
    public Task What_arrives_in_many_segments_of_any_pipe_is_read_with_its_true_length()
        => Gen.Select(Gen.Int[1, 40].Array[1, 60], Gen.Int[1, 500]).SampleAsync(async (lengths, room) =>
        {
            var pipe = new Pipe(new PipeOptions(minimumSegmentSize: 16));
            byte[] sent = [.. Enumerable.Range(0, lengths.Sum()).Select(number => (byte)(number + 1))];
            int written = 0;
            foreach (int length in lengths)
            {
                await pipe.Writer.WriteAsync(sent.AsMemory(written, length));
                written += length;
            }

            await pipe.Writer.CompleteAsync();
            var stream = new TlsTransportStream(new Duplex(pipe.Reader, PipeWriter.Create(Stream.Null)));
            var received = new List<byte>();
            byte[] buffer = new byte[room];
            int count;
            while ((count = await stream.ReadAsync(buffer)) > 0)
            {
                received.AddRange(buffer[..count]);
            }

            Assert.Equal(sent, received);
        });

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
