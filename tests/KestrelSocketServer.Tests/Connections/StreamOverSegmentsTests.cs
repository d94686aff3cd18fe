using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Tests.Connections;

public sealed class StreamOverSegmentsTests
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    [Fact]
    [Trait("Row", "H7")]
    public async Task A_read_that_spans_segments_of_the_pipe_tells_its_true_length()
    {
        var options = new PipeOptions(minimumSegmentSize: 16, useSynchronizationContext: false);
        Pipe toServer = new(options), toClient = new(options);
        byte[] sent = [.. Enumerable.Range(0, 48).Select(i => (byte)i)];
        var counts = new List<int>();
        var context = new DefaultConnectionContext(
            "segments", new DuplexPipe(toServer.Reader, toClient.Writer), new DuplexPipe(toClient.Reader, toServer.Writer));
        foreach (byte[] segment in sent.Chunk(16))
        {
            toServer.Writer.Write(segment);
        }

        await toServer.Writer.CompleteAsync();
        await new Handler(async connection =>
        {
            Stream stream = connection.AsStream();
            var buffer = new byte[1024];
            do
            {
                counts.Add(await stream.ReadAsync(buffer));
            }
            while (counts[^1] > 0);
        }).OnConnectedAsync(context).WaitAsync(Generous);

        Assert.Equal([sent.Length, 0], counts);
    }

    private sealed class Handler(Func<ISocketConnection, Task> onConnection) : SocketConnectionHandler
    {
        protected override Task OnConnectionAsync(ISocketConnection connection) => onConnection(connection);
    }

    private sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
