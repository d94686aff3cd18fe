using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.Tests.Connections;

[Trait("Row", "D1")]
public sealed class CloseReasonTests
{
    [Fact]
    public async Task The_peer_has_ended()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync();
        Assert.Null(pair.Connection.CloseReason);

        pair.Client.End();

        await AssertClosedAsync(pair, SocketCloseReason.PeerEnded);
    }

    [Fact]
    public async Task The_peer_has_reset()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync();

        pair.Client.Reset();

        await AssertClosedAsync(pair, SocketCloseReason.PeerReset);
    }

    [Fact]
    public async Task The_peer_has_reset_while_data_was_unsent()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync((connection, _) => connection.Pause(), bufferSize: 1);
        pair.Connection.Write("unsent");

        pair.Client.Reset();

        await AssertClosedAsync(pair, SocketCloseReason.PeerReset);
    }

    // TLS swallows what Kestrel's transport does not take any more.
    [Fact]
    public async Task The_peer_is_gone_and_only_the_socket_knows()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint).Soon();
        using Socket socket = await listener.AcceptSocketAsync().Soon();
        await using MemoryPair pair = await MemoryPair.ConnectAsync((connection, _) => connection.Pause(), build: builder => builder.Use(next => context =>
        {
            context.Features.Set<IConnectionSocketFeature>(new SocketFeature(socket));
            return next(context);
        }));
        pair.Connection.Write("taken");
        await pair.Client.ReceiveExactlyAsync("taken".Length).Soon();

        socket.Dispose();
        pair.Connection.Write("swallowed");

        await AssertClosedAsync(pair, SocketCloseReason.PeerReset);
        Assert.Equal("The peer no longer receives.", (await pair.Events.Error).Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_application_has_ended(bool close)
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync();

        if (close)
        {
            pair.Connection.Close();
        }
        else
        {
            pair.Connection.End();
        }

        await AssertClosedAsync(pair, close ? SocketCloseReason.LocalClose : SocketCloseReason.LocalEnd);
    }

    [Fact]
    public async Task A_limit_was_reached()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(options: options => options.WriteBufferHardLimit = 100_000, bufferSize: 1);

        pair.Connection.Write(new byte[100_001]);

        await AssertClosedAsync(pair, SocketCloseReason.WriteLimit);
        Assert.Equal(SocketCloseReason.WriteLimit, pair.Events.ReasonInError);
    }

    [Fact]
    public async Task A_subscriber_has_thrown()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync((connection, _) => connection.Data += _ => throw new InvalidTimeZoneException());

        await pair.Client.SendAsync("x");

        await AssertClosedAsync(pair, SocketCloseReason.HandlerFault);
        Assert.Equal(SocketCloseReason.HandlerFault, pair.Events.ReasonInError);
    }

    [Fact]
    public async Task What_comes_after_the_end_does_not_count()
    {
        var reading = new TaskCompletionSource<ISocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var client = InMemorySocketClient.Connect(async connection =>
        {
            connection.Closed += closed.SetResult;
            await foreach (ReadOnlyMemory<byte> _ in connection.ReadAllAsync())
            {
                reading.SetResult(connection);
                await closed.Task;
                throw new InvalidTimeZoneException();
            }
        });
        await client.SendAsync("x");
        ISocketConnection connection = await reading.Task.Soon();

        connection.Close();

        await client.Completion.Soon();
        Assert.Equal(SocketCloseReason.LocalClose, connection.CloseReason);
    }

    private static async Task AssertClosedAsync(MemoryPair pair, SocketCloseReason reason)
    {
        await pair.Events.Closed;
        Assert.Equal(reason, pair.Events.ReasonInClosed);
        Assert.Equal(reason, pair.Connection.CloseReason);
    }

    private sealed class SocketFeature(Socket socket) : IConnectionSocketFeature
    {
        public Socket Socket => socket;
    }
}
