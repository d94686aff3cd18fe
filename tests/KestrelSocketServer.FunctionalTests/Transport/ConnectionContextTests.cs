using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What Kestrel's own transport gives to a handler beside the pipe.</summary>
[Trait("Row", "P3")]
public abstract class ConnectionContextTests(SocketTransportDriver driver) : IAsyncLifetime
{
    private HandoverServer? _server;
    private SocketPair? _pair;

    private HandoverServer Server => _server!;

    private SocketPair Pair => _pair!;

    private ConnectionContext Context => Pair.Context;

    public async Task InitializeAsync()
    {
        _server = await HandoverServer.StartAsync(driver);
        _pair = await _server.ConnectAsync();
    }

    public async Task DisposeAsync()
    {
        await Pair.DisposeAsync();
        await Server.DisposeAsync();
    }

    [Theory]
    [InlineData(typeof(IConnectionIdFeature))]
    [InlineData(typeof(IConnectionTransportFeature))]
    [InlineData(typeof(IConnectionItemsFeature))]
    [InlineData(typeof(IMemoryPoolFeature))]
    [InlineData(typeof(IConnectionLifetimeFeature))]
    [InlineData(typeof(IConnectionSocketFeature))]
    [InlineData(typeof(IConnectionHeartbeatFeature))]
    [InlineData(typeof(IConnectionCompleteFeature))]
    [InlineData(typeof(IConnectionLifetimeNotificationFeature))]
    public void The_feature_is_there(Type feature)
    {
        Assert.IsAssignableFrom(feature, Context.Features[feature]);
        Assert.Contains(feature, Context.Features.Select(entry => entry.Key));
    }

    [Fact]
    public async Task Each_connection_has_an_id_of_its_own()
    {
        Assert.NotEmpty(Context.ConnectionId);
        Assert.Equal(Context.ConnectionId, Context.Features.GetRequiredFeature<IConnectionIdFeature>().ConnectionId);
        await using SocketPair other = await Server.ConnectAsync();
        Assert.NotEqual(Context.ConnectionId, other.Context.ConnectionId);

        Context.ConnectionId = "mine";

        Assert.Equal("mine", Context.Features.GetRequiredFeature<IConnectionIdFeature>().ConnectionId);
    }

    [Fact]
    public void The_end_points_are_those_of_the_client()
    {
        Assert.Equal(Pair.Client.Socket.LocalEndPoint, Context.RemoteEndPoint);
        Assert.Equal(Pair.Client.Socket.RemoteEndPoint, Context.LocalEndPoint);

        // As a middleware does for the PROXY protocol.
        var told = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 9);
        Context.RemoteEndPoint = told;
        Assert.Same(told, Context.RemoteEndPoint);
    }

    [Fact]
    public void The_end_points_are_a_feature_too()
    {
        IConnectionEndPointFeature feature = Context.Features.GetRequiredFeature<IConnectionEndPointFeature>();
        Assert.Equal(Context.RemoteEndPoint, feature.RemoteEndPoint);
        Assert.Equal(Context.LocalEndPoint, feature.LocalEndPoint);

        Context.RemoteEndPoint = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 9);

        Assert.Same(Context.RemoteEndPoint, feature.RemoteEndPoint);
    }

    [Fact]
    public void The_socket_is_the_live_one()
    {
        Socket socket = Context.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;

        Assert.Equal(Pair.Client.Socket.LocalEndPoint, socket.RemoteEndPoint);
        Assert.True(socket.NoDelay);
        socket.NoDelay = false;
        Assert.False(socket.NoDelay);
        socket.SendBufferSize = 100_000;
        Assert.True(socket.SendBufferSize >= 100_000);
    }

    [Fact]
    public void Items_are_for_the_connection()
    {
        IConnectionItemsFeature feature = Context.Features.GetRequiredFeature<IConnectionItemsFeature>();
        Assert.Empty(Context.Items);
        Context.Items["key"] = "value";
        Assert.Equal("value", feature.Items["key"]);

        Context.Items = new Dictionary<object, object?> { ["other"] = 1 };

        Assert.Equal(1, feature.Items["other"]);
        Assert.False(feature.Items.ContainsKey("key"));
    }

    [Fact]
    public void Features_can_be_added_and_replaced()
    {
        int revision = Context.Features.Revision;
        Context.Features.Set<IList<int>>([1]);
        Assert.Equal([1], Context.Features.Get<IList<int>>());
        Assert.NotEqual(revision, Context.Features.Revision);
        Context.Features.Set<IList<int>>(null);
        Assert.Null(Context.Features.Get<IList<int>>());

        var own = new OwnItems();
        Context.Features.Set<IConnectionItemsFeature>(own);
        Assert.Same(own, Context.Features.Get<IConnectionItemsFeature>());
    }

    [Fact]
    public void The_transport_can_be_replaced()
    {
        var pipes = new PipePair();
        IConnectionTransportFeature feature = Context.Features.GetRequiredFeature<IConnectionTransportFeature>();
        Assert.Same(Context.Transport, feature.Transport);

        Context.Transport = pipes.Transport;

        Assert.Same(pipes.Transport, feature.Transport);
    }

    [Fact]
    public void The_memory_pool_gives_memory()
    {
        using System.Buffers.IMemoryOwner<byte> memory = Context.Features.GetRequiredFeature<IMemoryPoolFeature>().MemoryPool.Rent();
        Assert.NotEqual(0, memory.Memory.Length);
    }

    [Fact]
    public async Task Heartbeats_are_felt()
    {
        var felt = new TaskCompletionSource<object>(TaskCreationOptions.RunContinuationsAsynchronously);

        Context.Features.GetRequiredFeature<IConnectionHeartbeatFeature>().OnHeartbeat(state => felt.TrySetResult(state), "state");

        Assert.Equal("state", await felt.Task.Soon());
    }

    [Fact]
    public async Task The_end_of_the_handler_is_told()
    {
        var told = new TaskCompletionSource<object>(TaskCreationOptions.RunContinuationsAsynchronously);
        Context.Features.GetRequiredFeature<IConnectionCompleteFeature>().OnCompleted(
            state =>
            {
                told.TrySetResult(state);
                return Task.CompletedTask;
            },
            "state");

        Pair.EndHandler();

        Assert.Equal("state", await told.Task.Soon());
    }

    [Fact]
    public async Task The_end_of_the_server_is_told()
    {
        IConnectionLifetimeNotificationFeature feature = Context.Features.GetRequiredFeature<IConnectionLifetimeNotificationFeature>();
        Assert.False(feature.ConnectionClosedRequested.IsCancellationRequested);
        Task told = CancelledAsync(feature.ConnectionClosedRequested);

        Task stopping = Server.Host.StopAsync();

        await told;
        Pair.EndHandler();
        await stopping;
    }

    private static Task CancelledAsync(CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(cancelled.SetResult);
        return cancelled.Task.Soon();
    }

    private sealed class OwnItems : IConnectionItemsFeature
    {
        public IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();
    }
}

public sealed class EventLoopConnectionContextTests() : ConnectionContextTests(SocketTransportDriver.EventLoop);

public sealed class SocketConnectionContextTests() : ConnectionContextTests(SocketTransportDriver.Socket);
