using System.IO.Pipelines;
using System.Text;

namespace KestrelSocketServer.FunctionalTests.Connections.Members;

public sealed class PipeInputTests
{
    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C41")]
    [Trait("Row", "H7")]
    public async Task Whoever_reads_the_input_of_the_pipe_goes_on_writing_to_the_connection(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, async connection =>
        {
            connection.Write("hello\n");
            PipeReader input = connection.AsPipe().Input;
            ReadResult result;
            do
            {
                result = await input.ReadAsync();
                connection.Write(Encoding.UTF8.GetString(result.Buffer).ToUpperInvariant());
                input.AdvanceTo(result.Buffer.End);
            }
            while (!result.IsCompleted);

            connection.Write("bye\n");
        });
        Assert.Equal("hello\n", await pair.Client.ReceiveTextAsync(6));
        await pair.Client.SendAsync("one\n");
        Assert.Equal("ONE\n", await pair.Client.ReceiveTextAsync(4));

        await Task.Run(() => pair.Connection.Write("pushed\n"));
        Assert.Equal("pushed\n", await pair.Client.ReceiveTextAsync(7));
        await pair.Client.ShutdownSendAsync();

        Assert.Equal("bye\n", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.PeerEnded, pair.Connection.CloseReason);
        Assert.Equal(["close"], pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C41")]
    [Trait("Row", "C14")]
    public async Task It_can_be_ended_from_outside(string place)
    {
        var cancelled = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, async connection =>
        {
            PipeReader input = connection.AsPipe().Input;
            ReadResult result = await input.ReadAsync();
            cancelled.SetResult(result.IsCanceled);
            input.AdvanceTo(result.Buffer.End);
        });

        pair.Connection.End("the end");

        Assert.Equal("the end", await pair.Client.ReceiveTextToEndAsync());
        Assert.True(await cancelled.Task.Soon());
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.LocalEnd, pair.Connection.CloseReason);
    }

    [Fact]
    [Trait("Row", "C41")]
    [Trait("Row", "H7")]
    public async Task Whoever_takes_the_output_writes_and_ends_alone()
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync("plain", async connection =>
        {
            IDuplexPipe pipe = connection.AsPipe();
            Assert.Same(pipe.Output, pipe.Output);
            Assert.Throws<InvalidOperationException>(() => connection.Write("x"));
            Assert.Throws<InvalidOperationException>(() => connection.Write(0, static (_, _) => { }));
            Assert.Throws<InvalidOperationException>(() => connection.End());
            Assert.Throws<InvalidOperationException>(connection.EndWriting);
            await Assert.ThrowsAsync<InvalidOperationException>(() => connection.EndAsync());
            await pipe.Output.WriteAsync("alone"u8.ToArray());
        });

        Assert.Equal("alone", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.LocalEnd, pair.Connection.CloseReason);
    }
}
