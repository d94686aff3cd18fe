using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;

namespace KestrelSocketServer.FunctionalTests.Connections.Members;

/// <summary>A client, and its connection at one of the places that handlers run at.</summary>
internal sealed class PlacedConnection : IAsyncDisposable
{
    private PlacedConnection(TestHost host, RawClient client, EventRecorder events)
    {
        Host = host;
        Client = client;
        Events = events;
    }

    /// <summary>Where the library's own transport is below.</summary>
    public static TheoryData<string> OwnTransport => ["plain", "tls", "Kestrel's tls"];

    public static TheoryData<string> Everywhere => [.. HandlerPlace.All.Keys];

    public TestHost Host { get; }

    public RawClient Client { get; }

    public EventRecorder Events { get; }

    public ISocketConnection Connection => Events.Connection;

    /// <param name="place">A key of <see cref="HandlerPlace.All"/>.</param>
    /// <param name="handler">Gets the connection after the recorder has subscribed.</param>
    /// <param name="data">Whether the recorder reads by the data event.</param>
    /// <param name="options">The options of the connection.</param>
    /// <param name="receiveBuffer">The client's receive buffer.</param>
    public static async Task<PlacedConnection> StartAsync(
        string place,
        Func<ISocketConnection, Task>? handler = null,
        bool data = false,
        Action<SocketConnectionOptions>? options = null,
        int? receiveBuffer = null)
    {
        HandlerPlace at = HandlerPlace.All[place];
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        TestHost host = await at.StartAsync(
            connection =>
            {
                recorded.SetResult(new EventRecorder(connection, data));
                return handler?.Invoke(connection) ?? Task.CompletedTask;
            },
            options);
        RawClient client = await at.ConnectAsync(host, receiveBuffer);
        return new PlacedConnection(host, client, await recorded.Task.Soon());
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
    }
}
