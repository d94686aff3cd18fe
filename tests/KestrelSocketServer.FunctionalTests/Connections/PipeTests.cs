using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class PipeTests(TestTransport transport)
{
    [Fact]
    [Trait("Row", "C20")]
    public async Task A_connection_piped_to_itself_is_an_echo_that_ends_with_its_peer()
    {
        ISocketConnection? returned = null;
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => returned = connection.Pipe(connection));
        byte[] data = RandomNumberGenerator.GetBytes(5_000_000);

        Task sending = SendAsync();
        byte[] received = await pair.Client.ReceiveToEndAsync();

        await sending.Soon();
        await pair.Events.Closed;
        Assert.True(data.AsSpan().SequenceEqual(received));
        Assert.Same(pair.Connection, returned);

        async Task SendAsync()
        {
            await pair.Client.SendAsync(data);
            await pair.Client.ShutdownSendAsync();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Row", "C20")]
    public async Task The_end_of_the_source_ends_the_destination_unless_told_otherwise(bool end)
    {
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport);
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport, (connection, _) =>
            Assert.Same(destination.Connection, connection.Pipe(destination.Connection, end)));

        await source.Client.SendAsync("through");
        await source.Client.ShutdownSendAsync();
        await source.Events.Closed;

        Assert.Equal("through", await destination.Client.ReceiveTextAsync(7));
        if (end)
        {
            Assert.Empty(await destination.Client.ReceiveToEndAsync());
            await destination.Events.Closed;
        }
        else
        {
            Assert.True(destination.Connection.Write("more"));
            Assert.Equal("more", await destination.Client.ReceiveTextAsync(4));
        }
    }

    [Fact]
    [Trait("Row", "C20")]
    [Trait("Row", "C23")]
    public async Task Two_clients_that_are_piped_together_talk_to_each_other_without_limit()
    {
        await using ConnectedPair first = await ConnectedPair.StartAsync(transport);
        await using ConnectedPair second = await ConnectedPair.StartAsync(transport, (connection, _) =>
        {
            connection.Pipe(first.Connection);
            first.Connection.Pipe(connection);
        });
        byte[] data = RandomNumberGenerator.GetBytes(20_000_000);

        Task sending = Task.WhenAll(first.Client.SendAsync(data), second.Client.SendAsync(data));
        byte[][] received = await Task.WhenAll(first.Client.ReceiveExactlyAsync(data.Length), second.Client.ReceiveExactlyAsync(data.Length));

        await sending;
        Assert.All(received, bytes => Assert.True(data.AsSpan().SequenceEqual(bytes)));
    }

    [Fact]
    [Trait("Row", "C20")]
    public async Task A_destination_that_closes_pauses_its_source()
    {
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport);
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pipe(destination.Connection));

        destination.Connection.Close();
        await destination.Events.Closed;
        await destination.Server.DisposeAsync();
        await source.Client.SendAsync("nobody hears it");
        source.Connection.Write("ping");
        Assert.Equal("ping", await source.Client.ReceiveTextAsync(4));
        Assert.Empty(source.Events.Received);

        source.Connection.Resume();
        await source.Events.ReceivedAsync(1);
    }
}

public sealed class PlainPipeTests() : PipeTests(TestTransport.Plain);

public sealed class TlsPipeTests() : PipeTests(TestTransport.Tls);
