namespace KestrelSocketServer.FunctionalTests.Connections;

/// <summary>A server, one client of it, and the server's side of the connection with its events recorded.</summary>
public sealed class ConnectedPair : IAsyncDisposable
{
    private ConnectedPair(SocketServerFixture server, RawClient client, EventRecorder events)
    {
        Server = server;
        Client = client;
        Events = events;
    }

    public SocketServerFixture Server { get; }

    public RawClient Client { get; }

    public EventRecorder Events { get; }

    public ISocketConnection Connection => Events.Connection;

    /// <param name="transport">What is between the two.</param>
    /// <param name="handle">Called after the recorder has subscribed.</param>
    /// <param name="options">The options of the connection.</param>
    /// <param name="receiveBuffer">The client's receive buffer.</param>
    /// <param name="data">Whether the recorder subscribes to the data.</param>
    /// <param name="setup">What is set up beside.</param>
    public static async Task<ConnectedPair> StartAsync(
        TestTransport transport,
        Action<ISocketConnection, EventRecorder>? handle = null,
        Action<SocketConnectionOptions>? options = null,
        int? receiveBuffer = null,
        bool data = true,
        HostSetup? setup = null)
    {
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
                var events = new EventRecorder(connection, data);
                try
                {
                    handle?.Invoke(connection, events);
                }
                finally
                {
                    // Only now: on a busy machine the test may be faster than what it has the handler do.
                    recorded.TrySetResult(events);
                }
            },
            transport,
            options,
            setup: setup);
        RawClient client = await server.ConnectAsync(receiveBuffer);
        return new ConnectedPair(server, client, await recorded.Task.Soon());
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
