namespace KestrelSocketServer.FunctionalTests.Connections.CloseReasons;

/// <summary>A host, a client of its handler, and what the handler saw.</summary>
internal sealed class ReasonPair : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _received = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<SocketCloseReason?> _early = [];

    private ReasonPair(TestHost host, RawClient client)
    {
        Host = host;
        Client = client;
    }

    public TestHost Host { get; }

    public RawClient Client { get; }

    public EventRecorder Events { get; private set; } = null!;

    public ISocketConnection Connection => Events.Connection;

    /// <summary>Completes when the handler has received something.</summary>
    public Task Received => _received.Task.Soon();

    /// <param name="place">Where the handler runs.</param>
    /// <param name="style">How it reads.</param>
    /// <param name="onData">Called when it has received something; returns whether it goes on.</param>
    /// <param name="onConnection">Called before it reads.</param>
    /// <param name="options">The options of the connection.</param>
    /// <param name="receiveBuffer">The client's receive buffer.</param>
    public static async Task<ReasonPair> StartAsync(
        HandlerPlace place,
        string style = "events",
        Func<bool>? onData = null,
        Action<ISocketConnection>? onConnection = null,
        Action<SocketConnectionOptions>? options = null,
        int? receiveBuffer = null)
    {
        var made = new TaskCompletionSource<ReasonPair>(TaskCreationOptions.RunContinuationsAsynchronously);
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        TestHost host = await place.StartAsync(
            async connection =>
            {
                recorded.SetResult(new EventRecorder(connection, data: false));
                onConnection?.Invoke(connection);
                if (style == "events")
                {
                    // Its events come only when somebody has subscribed; the pair is there by then.
                    ReasonPair pair = await made.Task;
                    await ReadingStyle.ReadAsync(style, connection, () => pair.OnData(connection, onData));
                }
                else
                {
                    await ReadingStyle.ReadAsync(style, connection, () => made.Task.Result.OnData(connection, onData));
                }
            },
            options);
        var pair = new ReasonPair(host, await place.ConnectAsync(host, receiveBuffer));
        pair.Events = await recorded.Task.Soon();
        made.SetResult(pair);
        return pair;
    }

    /// <summary>Sends something and waits until the handler has it.</summary>
    public async Task SendAsync()
    {
        await Client.SendAsync("x");
        await Received;
    }

    /// <summary>Asserts that the connection is closed for that reason, and knew of none before.</summary>
    public async Task AssertClosedAsync(SocketCloseReason reason)
    {
        await Events.Closed;
        Assert.Equal(reason, Events.ReasonInClosed);
        Assert.Equal(reason, Connection.CloseReason);
        lock (_lock)
        {
            Assert.All(_early, early => Assert.Null(early));
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
    }

    private bool OnData(ISocketConnection connection, Func<bool>? onData)
    {
        lock (_lock)
        {
            _early.Add(connection.CloseReason);
        }

        _received.TrySetResult();
        return onData?.Invoke() ?? true;
    }
}
