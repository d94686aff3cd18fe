using System.IO.Pipelines;
using System.Text;

namespace KestrelSocketServer.FunctionalTests.Connections.Members;

public sealed class EndWritingTests
{
    private const int MuchData = 5_000_000;

    public static TheoryData<string, string> PlacesAndStyles
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string place in (string[])["plain", "tls", "Kestrel's tls"])
            {
                foreach (string style in (string[])["events", "chunks", "stream", "pipe"])
                {
                    data.Add(place, style);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(PlacesAndStyles))]
    [Trait("Row", "C38")]
    public async Task The_peer_sees_the_end_and_what_it_sends_then_is_still_read(string place, string style)
    {
        var received = new StringBuilder();
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, connection =>
        {
            connection.Write(new byte[MuchData]);
            Task reading = ReadAsync(style, connection, received);
            connection.EndWriting();
            Assert.False(connection.IsWritable);
            Assert.False(connection.Write("too late"));
            return reading;
        });

        Assert.Equal(MuchData, (await pair.Client.ReceiveToEndAsync()).Length);
        Assert.True(pair.Connection.IsReadable);
        await pair.Client.SendAsync("the rest");
        await pair.Client.ShutdownSendAsync();

        await pair.Events.Closed;
        Assert.Equal("the rest", received.ToString());
        Assert.Equal(0, pair.Connection.DiscardedBytes);
        Assert.Equal(SocketCloseReason.LocalEnd, pair.Connection.CloseReason);
        Assert.Equal(style == "events" ? ["end", "close"] : ["close"], pair.Events.Events);
        LogAssert.NoWarnings(pair.Host.Logs);
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.OwnTransport), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C38")]
    [Trait("Row", "C17")]
    public async Task It_can_be_called_again_in_any_event_and_followed_by_the_end(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(
            place,
            connection =>
            {
                connection.Data += _ =>
                {
                    connection.Write("answer");
                    connection.EndWriting();
                    connection.EndWriting();
                };
                return Task.CompletedTask;
            },
            data: true);
        await pair.Client.SendAsync("question");
        Assert.Equal("answer", await pair.Client.ReceiveTextToEndAsync());
        Assert.True(pair.Connection.IsReadable);

        pair.Connection.End("nothing");

        Assert.False(pair.Connection.IsReadable);
        await pair.Events.Closed;
        Assert.Equal(["data", "close"], pair.Events.Events);
        Assert.Equal(SocketCloseReason.LocalEnd, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C38")]
    public async Task After_the_peers_end_it_ends_the_connection(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(
            place,
            connection =>
            {
                connection.Ended += () =>
                {
                    connection.Write("goodbye");
                    connection.EndWriting();
                };
                return Task.CompletedTask;
            },
            data: true,
            options: options => options.AllowHalfOpen = true);

        await pair.Client.ShutdownSendAsync();

        Assert.Equal("goodbye", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.PeerEnded, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.OwnTransport), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C38")]
    [Trait("Row", "C16")]
    public async Task A_close_and_a_peer_that_leaves_end_the_waiting_for_the_peer(string place)
    {
        foreach (string how in (string[])["close", "reset"])
        {
            await using PlacedConnection pair = await PlacedConnection.StartAsync(
                place,
                connection =>
                {
                    connection.EndWriting();
                    return Task.CompletedTask;
                },
                data: true);
            Assert.Empty(await pair.Client.ReceiveToEndAsync());

            if (how == "close")
            {
                pair.Connection.Close();
            }
            else
            {
                pair.Client.Reset();
            }

            await pair.Events.Closed;
            Assert.Equal(["close"], pair.Events.Events);
            Assert.Equal(how == "close" ? SocketCloseReason.LocalClose : SocketCloseReason.PeerReset, pair.Connection.CloseReason);
        }
    }

    private static Task ReadAsync(string style, ISocketConnection connection, StringBuilder received)
    {
        switch (style)
        {
            case "events":
                connection.Data += chunk => received.Append(Encoding.UTF8.GetString(chunk));
                return Task.CompletedTask;
            case "chunks":
                return ReadChunksAsync(connection.ReadAllAsync(), received);
            case "stream":
                return ReadStreamAsync(connection.AsStream(), received);
            default:
                return ReadPipeAsync(connection.AsPipe().Input, received);
        }
    }

    private static async Task ReadChunksAsync(IAsyncEnumerable<ReadOnlyMemory<byte>> chunks, StringBuilder received)
    {
        await foreach (ReadOnlyMemory<byte> chunk in chunks)
        {
            received.Append(Encoding.UTF8.GetString(chunk.Span));
        }
    }

    private static async Task ReadStreamAsync(Stream stream, StringBuilder received)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        received.Append(await reader.ReadToEndAsync());
    }

    private static async Task ReadPipeAsync(PipeReader input, StringBuilder received)
    {
        ReadResult result;
        do
        {
            result = await input.ReadAsync();
            received.Append(Encoding.UTF8.GetString(result.Buffer));
            input.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
    }
}
