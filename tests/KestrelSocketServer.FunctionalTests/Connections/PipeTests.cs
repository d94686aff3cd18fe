using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

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

    [Theory]
    [InlineData("ended")]
    [InlineData("closed")]
    [InlineData("reset")]
    [Trait("Row", "C20")]
    public async Task A_source_that_is_over_already_ends_the_destination_at_once(string how)
    {
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport, options: options => options.AllowHalfOpen = true);
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport);
        await FinishAsync(source, how);

        source.Connection.Pipe(destination.Connection);

        Assert.Empty(await destination.Client.ReceiveToEndAsync());
        await destination.Events.Closed;
    }

    [Theory]
    [InlineData("closed")]
    [InlineData("reset")]
    [Trait("Row", "C20")]
    public async Task A_source_that_closes_without_an_end_ends_the_destination_too(string how)
    {
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport);
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport);
        source.Connection.Pipe(destination.Connection);

        await FinishAsync(source, how);

        Assert.Empty(await destination.Client.ReceiveToEndAsync());
        await destination.Events.Closed;
    }

    [Theory]
    [InlineData("ended")]
    [InlineData("closed")]
    [Trait("Row", "C20")]
    public async Task Told_so_a_source_that_is_over_already_leaves_the_destination_alone(string how)
    {
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport, options: options => options.AllowHalfOpen = true);
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport);
        await FinishAsync(source, how);

        source.Connection.Pipe(destination.Connection, end: false);

        Assert.True(destination.Connection.Write("more"));
        Assert.Equal("more", await destination.Client.ReceiveTextAsync(4));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C20")]
    public async Task A_destination_that_closes_ends_its_source_also_when_it_is_piped_to_late(bool late)
    {
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport);
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport);
        if (!late)
        {
            source.Connection.Pipe(destination.Connection);
        }

        destination.Connection.Close();
        await destination.Events.Closed;
        if (late)
        {
            source.Connection.Pipe(destination.Connection);
        }

        Assert.Empty(await source.Client.ReceiveToEndAsync());
        await source.Events.Closed;
        Assert.Equal(SocketCloseReason.LocalEnd, source.Connection.CloseReason);
    }

    [Fact]
    [Trait("Row", "C20")]
    public async Task A_source_that_is_held_back_is_released_when_its_destination_closes_and_its_peer_does_not_hang()
    {
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);

        // Time stands still, so that the end waits for the peer for as long as it sends.
        await using ConnectedPair source = await ConnectedPair.StartAsync(
            transport,
            (connection, _) => connection.Pipe(destination.Connection),
            data: false,
            setup: new HostSetup { Services = services => services.AddSingleton<TimeProvider>(new FakeTimeProvider()) });
        var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task sending = SendAsync();
        await full.Task.Soon();

        destination.Connection.Close();

        await source.Events.Closed;
        await sending.Soon();

        // Far more than all buffers on the way hold.
        async Task SendAsync()
        {
            byte[] part = new byte[100_000];
            for (int sent = 0; sent < 30_000_000; sent += part.Length)
            {
                Task send = source.Client.SendAsync(part);
                if (sent == 1_000_000)
                {
                    full.SetResult();
                }

                await send;
            }
        }
    }

    [Fact]
    [Trait("Row", "C20")]
    public async Task Told_so_a_destination_that_closes_leaves_its_source_alone_which_reads_on()
    {
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        await using ConnectedPair source = await ConnectedPair.StartAsync(
            transport, (connection, _) => connection.Pipe(destination.Connection, end: false));
        Task sending = source.Client.SendAsync(new byte[20_000_000]);
        await source.Events.Data;

        destination.Connection.Close();
        await destination.Events.Closed;

        await sending;
        await source.Events.ReceivedAsync(20_000_000);
        Assert.True(source.Connection.Write("still there"));
        Assert.Equal("still there", await source.Client.ReceiveTextAsync(11));
    }

    [Fact]
    [Trait("Row", "C20")]
    public async Task A_destination_that_has_ended_and_is_not_closed_yet_holds_its_source_until_it_is()
    {
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport);
        byte[] last = RandomNumberGenerator.GetBytes(20_000_000);
        destination.Connection.End(last);

        source.Connection.Pipe(destination.Connection);
        Assert.True(source.Connection.Write("open"));
        Assert.Equal("open", await source.Client.ReceiveTextAsync(4));
        Assert.Equal(last, await destination.Client.ReceiveToEndAsync());

        Assert.Empty(await source.Client.ReceiveToEndAsync());
        await source.Events.Closed;
    }

    [Fact]
    [Trait("Row", "C20")]
    [Trait("Row", "C23")]
    public async Task Two_destinations_both_get_all_data_at_the_pace_of_the_slower_one()
    {
        byte[] data = RandomNumberGenerator.GetBytes(20_000_000);

        // A limit that is far more than a pipe ever leaves unsent, and far less than the slow one would have to take at the pace of the other.
        await using ConnectedPair slow = await ConnectedPair.StartAsync(
            transport, options: options => options.WriteBufferHardLimit = 2_000_000, receiveBuffer: 16_384);
        await using ConnectedPair fast = await ConnectedPair.StartAsync(transport);
        await using ConnectedPair source = await ConnectedPair.StartAsync(
            transport,
            (connection, _) =>
            {
                connection.Pipe(slow.Connection);
                connection.Pipe(fast.Connection);
            },
            data: false);

        Task sending = SendAsync();
        Task<byte[]> receivedFast = fast.Client.ReceiveToEndAsync();
        using var receivedSlow = new MemoryStream();
        await slow.Client.Stream.CopyToAsync(receivedSlow, 4_000).Soon();

        await sending.Soon();
        Assert.True(data.AsSpan().SequenceEqual(receivedSlow.ToArray()));
        byte[] all = await receivedFast;
        Assert.True(data.AsSpan().SequenceEqual(all));

        async Task SendAsync()
        {
            await source.Client.SendAsync(data);
            await source.Client.ShutdownSendAsync();
        }
    }

    [Fact]
    [Trait("Row", "C20")]
    public async Task One_of_two_destinations_that_closes_holds_up_nobody_where_it_leaves_the_source_alone()
    {
        byte[] data = RandomNumberGenerator.GetBytes(20_000_000);
        await using ConnectedPair leaving = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        await using ConnectedPair staying = await ConnectedPair.StartAsync(transport);
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport, (connection, _) =>
        {
            connection.Pipe(leaving.Connection, end: false);
            connection.Pipe(staying.Connection);
        });
        Task sending = source.Client.SendAsync(data);
        Task<byte[]> received = staying.Client.ReceiveExactlyAsync(data.Length);
        await source.Events.Data;

        leaving.Connection.Close();

        byte[] all = await received;
        Assert.True(data.AsSpan().SequenceEqual(all));
        await sending;
    }

    [Fact]
    [Trait("Row", "C18")]
    [Trait("Row", "C20")]
    public async Task A_destination_that_drains_does_not_resume_what_the_application_has_paused()
    {
        await using ConnectedPair destination = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        await using ConnectedPair source = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pipe(destination.Connection));
        destination.Connection.Write(new byte[20_000_000]);
        await source.Client.SendAsync("first");
        await source.Events.ReceivedAsync(5);

        source.Connection.Pause();
        await destination.Client.ReceiveExactlyAsync(20_000_005);
        await destination.Events.Drained;
        await source.Client.SendAsync("second");
        source.Connection.Write("ping");
        Assert.Equal("ping", await source.Client.ReceiveTextAsync(4));
        Assert.Equal(5, source.Events.Received.Length);

        source.Connection.Resume();
        Assert.Equal("second", await destination.Client.ReceiveTextAsync(6));
    }

    [Fact]
    [Trait("Row", "C20")]
    public async Task In_a_circle_the_end_of_one_drops_nothing_that_the_other_has_still_to_send()
    {
        await using ConnectedPair client = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        await using ConnectedPair upstream = await ConnectedPair.StartAsync(transport, (connection, _) =>
        {
            connection.Pipe(client.Connection);
            client.Connection.Pipe(connection);
        });
        byte[] answer = RandomNumberGenerator.GetBytes(20_000_000);
        client.Connection.Write(answer);

        await upstream.Client.ShutdownSendAsync();
        await upstream.Events.Closed;

        Assert.Equal(answer, await client.Client.ReceiveToEndAsync());
        await client.Events.Closed;
    }

    [Fact]
    [Trait("Row", "C20")]
    public async Task A_closed_connection_piped_into_itself_is_no_fault()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);
        pair.Connection.Close();
        await pair.Events.Closed;

        Assert.Same(pair.Connection, pair.Connection.Pipe(pair.Connection));

        Assert.Equal(["close"], pair.Events.Events);
    }

    private static async Task FinishAsync(ConnectedPair pair, string how)
    {
        switch (how)
        {
            case "ended":
                await pair.Client.ShutdownSendAsync();
                await pair.Events.Ended;
                break;
            case "closed":
                pair.Connection.Close();
                await pair.Events.Closed;
                break;
            default:
                pair.Client.Reset();
                await pair.Events.Closed;
                break;
        }
    }
}

public sealed class PlainPipeTests() : PipeTests(TestTransport.Plain);

public sealed class TlsPipeTests() : PipeTests(TestTransport.Tls);
