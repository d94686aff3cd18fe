using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Connections.TimeLimits;

/// <summary>A client and the server's side of its connection, in a time that passes when the test says so.</summary>
internal sealed class TimedPair : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan Almost = TimeSpan.FromSeconds(58);

    private readonly FakeTimeProvider _time;

    private TimedPair(FakeTimeProvider time, SocketServerFixture server, RawClient client, EventRecorder events)
    {
        _time = time;
        Server = server;
        Client = client;
        Events = events;
    }

    public SocketServerFixture Server { get; }

    public RawClient Client { get; }

    public EventRecorder Events { get; }

    public ISocketConnection Connection => Events.Connection;

    /// <param name="transport">What is between the two.</param>
    /// <param name="driver">The driver of the server.</param>
    /// <param name="options">The options of the connection.</param>
    /// <param name="handle">The handler.</param>
    /// <param name="receiveBuffer">The client's receive buffer.</param>
    /// <param name="listen">Configures the endpoint before the handler.</param>
    public static async Task<TimedPair> StartAsync(
        TestTransport transport,
        SocketTransportDriver driver,
        Action<SocketConnectionOptions> options,
        Func<ISocketConnection, Task> handle,
        int? receiveBuffer = null,
        Action<ListenOptions>? listen = null)
    {
        var time = new FakeTimeProvider();
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
                var events = new EventRecorder(connection, data: false);
                Task handling = handle(connection);
                recorded.TrySetResult(events);
                return handling;
            },
            transport,
            options,
            setup: new HostSetup
            {
                Server = server => server.Transport.Driver = driver,
                Services = services => services.AddSingleton<TimeProvider>(time),
                Listen = listen,
            });
        RawClient client = await server.ConnectAsync(receiveBuffer);
        if (listen is not null)
        {
            await client.SendAsync("first");
        }

        return new TimedPair(time, server, client, await recorded.Task.Soon());
    }

    public void Pass(TimeSpan time) => _time.Advance(time);

    /// <summary>Lets time pass until the connection is closed: how far it has come by now, in reading or writing, only the first of these may find.</summary>
    /// <returns>The error.</returns>
    public async Task<Exception> ExpireAsync()
    {
        Task<Exception> error = Events.Error;
        while (!error.IsCompleted)
        {
            Pass(Limit);
            await Task.Yield();
        }

        Exception exception = await error;
        await Events.Closed;
        return exception;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
