using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class FailureTests(TestTransport transport)
{
    [Theory]
    [InlineData("data")]
    [InlineData("end")]
    [InlineData("drain")]
    [Trait("Row", "C6")]
    [Trait("Row", "C25")]
    public async Task A_subscriber_that_throws_fails_its_connection_only(string place)
    {
        var thrown = new InvalidOperationException("mine");
        await using ConnectedPair other = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Pipe(connection));
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
        {
            connection.Data += _ => ThrowIf("data");
            connection.Ended += () => ThrowIf("end");
            connection.Drained += () => ThrowIf("drain");
        });
        if (place == "drain")
        {
            Assert.False(pair.Connection.Write(new byte[70_000]));

            // The reset of the fault may overtake the last bytes.
            await Record.ExceptionAsync(() => pair.Client.ReceiveExactlyAsync(70_000));
        }
        else
        {
            await pair.Client.SendAsync("x");
        }

        if (place == "end")
        {
            await pair.Client.ShutdownSendAsync();
        }

        Assert.Same(thrown, await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(["error", "close"], pair.Events.Events.TakeLast(2));
        Assert.Equal(1, pair.Events.Events.Count(name => name == "error"));
        SocketServerError error = Assert.Single(pair.Server.Errors);
        Assert.Same(thrown, error.Exception);
        Assert.Equal(SocketServerErrorStage.Handler, error.Stage);
        Assert.Equal(pair.Client.LocalAddress, error.RemoteAddress);
        Assert.Equal(pair.Connection.Id, error.ConnectionId);
        Assert.Contains(pair.Server.Host.Logs.GetSnapshot(), record => ReferenceEquals(record.Exception, thrown));
        await AssertServesAsync(pair.Server);
        await other.Client.SendAsync("still");
        Assert.Equal("still", await other.Client.ReceiveTextAsync(5));

        void ThrowIf(string name)
        {
            if (place == name)
            {
                throw thrown;
            }
        }
    }

    [Theory]
    [InlineData("error")]
    [InlineData("close")]
    [Trait("Row", "C25")]
    [Trait("Row", "C5")]
    public async Task A_subscriber_that_throws_at_the_end_is_logged(string place)
    {
        var thrown = new InvalidOperationException("mine");
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
        {
            connection.Data += _ => throw new InvalidOperationException("first");
            if (place == "error")
            {
                connection.Error += _ => throw thrown;
            }
            else
            {
                connection.Closed += () => throw thrown;
            }
        });

        await pair.Client.SendAsync("x");

        await pair.Events.Closed;
        await pair.Server.DisposeAsync();
        Assert.Equal(["data", "error", "close"], pair.Events.Events);
        Assert.Contains(pair.Server.Host.Logs.GetSnapshot(), record => ReferenceEquals(record.Exception, thrown));
    }

    [Theory]
    [InlineData("server")]
    [InlineData("handler")]
    [InlineData("task")]
    [Trait("Row", "L12")]
    [Trait("Row", "C25")]
    public async Task A_subscriber_of_connection_that_throws_closes_that_connection(string place)
    {
        int calls = 0;
        EventRecorder? events = null;
        using var connected = new ManualResetEventSlim();
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            async connection =>
            {
                events ??= new EventRecorder(connection);
                if (place == "handler")
                {
                    ThrowFirst();
                }

                await Task.Yield();
                if (place == "task")
                {
                    ThrowFirst();
                }

                connection.Pipe(connection);
            },
            transport);
        server.Server.Connection += connection =>
        {
            if (place == "server")
            {
                events ??= new EventRecorder(connection);
                ThrowFirst();
            }
        };
        using RawClient client = await server.ConnectAsync();
        connected.Set();

        Assert.Empty(await ReceiveQuietlyAsync(client));

        Exception exception = await events!.Error;
        Assert.Equal("first", exception.Message);
        await events.Closed;
        Assert.Equal(["error", "close"], events.Events);
        Assert.Same(exception, Assert.Single(server.Errors).Exception);
        using RawClient next = await server.ConnectAsync();
        await next.SendAsync("served");
        Assert.Equal("served", await next.ReceiveTextAsync(6));

        void ThrowFirst()
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                // A reset before the client has connected would fail its connect.
                Assert.True(connected.Wait(Timeouts.Generous));
                throw new InvalidOperationException("first");
            }
        }
    }

    [Fact]
    [Trait("Row", "C6")]
    public async Task A_peer_that_just_leaves_is_no_error()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) => connection.Write("hello"));
        await pair.Client.ReceiveExactlyAsync(5);

        pair.Client.Dispose();

        await pair.Events.Closed;
        Assert.Equal(["end", "close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C6")]
    public async Task A_reset_while_nothing_is_unsent_closes_without_error()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);
        await pair.Client.SendAsync("hello");
        await pair.Events.ReceivedAsync(5);

        pair.Client.Reset();

        await pair.Events.Closed;
        Assert.Equal(["data", "close"], pair.Events.Events);
        Assert.Empty(pair.Server.Errors);
    }

    [Fact]
    [Trait("Row", "C25")]
    [SuppressMessage("Usage", "xUnit1031", Justification = "Handlers that block are what is tested.")]
    public async Task A_handler_that_never_returns_harms_its_own_connection_only()
    {
        using var release = new ManualResetEventSlim();
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
            connection.Data += chunk =>
            {
                if (chunk[0] == (byte)'!')
                {
                    release.Wait(Timeouts.Generous);
                }

                connection.Write(chunk);
            });
        await pair.Client.SendAsync("!");
        await pair.Events.ReceivedAsync(1);

        await AssertServesAsync(pair.Server);

        release.Set();
        Assert.Equal("!", await pair.Client.ReceiveTextAsync(1));
    }

    [Fact]
    [Trait("Row", "C25")]
    public async Task A_handler_whose_task_never_completes_harms_its_own_connection_only()
    {
        var never = new TaskCompletionSource();
        int calls = 0;
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
                bool first = Interlocked.Increment(ref calls) == 1;
                connection.Pipe(connection);
                return first ? never.Task : Task.CompletedTask;
            },
            transport);
        using RawClient client = await server.ConnectAsync();
        ISocketConnection stuck = await server.AcceptedAsync();

        await AssertEchoesAsync(server);
        await client.SendAsync("hi");
        Assert.Equal("hi", await client.ReceiveTextAsync(2));
        await client.ShutdownSendAsync();
        Assert.Empty(await client.ReceiveToEndAsync());
        Assert.False(stuck.IsWritable);
    }

    [Fact]
    [Trait("Row", "C25")]
    public async Task A_handler_of_Kestrels_own_kind_that_throws_is_served_like_any_other()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => listen.UseSocketHandler<ResettingHandler>(), transport);
        using RawClient client = await server.ConnectAsync();

        Assert.Empty(await ReceiveQuietlyAsync(client));

        using RawClient next = await server.ConnectAsync();
        Assert.Empty(await ReceiveQuietlyAsync(next));
    }

    private static async Task AssertServesAsync(SocketServerFixture server)
    {
        (RawClient client, ISocketConnection connection) = await ConnectAsync(server);
        using (client)
        {
            connection.Write("served");
            Assert.Equal("served", await client.ReceiveTextAsync(6));
        }
    }

    private static async Task AssertEchoesAsync(SocketServerFixture server)
    {
        (RawClient client, _) = await ConnectAsync(server);
        using (client)
        {
            await client.SendAsync("served");
            Assert.Equal("served", await client.ReceiveTextAsync(6));
        }
    }

    private static async Task<(RawClient Client, ISocketConnection Connection)> ConnectAsync(SocketServerFixture server)
    {
        // Takes what the earlier clients left in the queue, so that the connection below is this client's.
        RawClient client = await server.ConnectAsync();
        ISocketConnection connection;
        do
        {
            connection = await server.AcceptedAsync();
        }
        while (connection.RemoteAddress != client.LocalAddress);

        return (client, connection);
    }

    /// <summary>Receives to the end, or to a reset, which is an end too.</summary>
    private static async Task<byte[]> ReceiveQuietlyAsync(RawClient client)
    {
        try
        {
            return await client.ReceiveToEndAsync();
        }
        catch (IOException)
        {
            return [];
        }
    }

    internal sealed class ResettingHandler : ConnectionHandler
    {
        public override Task OnConnectedAsync(ConnectionContext connection) => throw new ConnectionResetException("mine");
    }

    [Fact]
    [Trait("Row", "C6")]
    public async Task A_reset_while_data_is_unsent_is_an_error()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, receiveBuffer: 16_384);
        while (pair.Connection.Write(new byte[60_000]))
        {
        }

        // More than one flush takes at a time: this cannot have gone out by the time of the reset.
        pair.Connection.Write(new byte[50_000_000]);
        await pair.Client.ReceiveExactlyAsync(1);

        pair.Client.Reset();

        Assert.IsAssignableFrom<IOException>(await pair.Events.Error);
        await pair.Events.Closed;
        // Where the failed write is told of the reset first, reading sees an end: the operating system tells it once.
        Assert.Equal(["error", "close"], pair.Events.Events.Where(name => name is not ("drain" or "end")));
        Assert.False(pair.Connection.Write("more"));
    }
}

public sealed class PlainFailureTests() : FailureTests(TestTransport.Plain);

public sealed class TlsFailureTests() : FailureTests(TestTransport.Tls);

public sealed class KestrelTlsFailureTests() : FailureTests(TestTransport.KestrelTls);
