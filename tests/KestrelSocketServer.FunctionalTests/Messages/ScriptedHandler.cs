using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Messages;

/// <summary>A handler of lines that records the events of its one connection, and does what the test says.</summary>
internal sealed class ScriptedHandler(Func<ISocketConnection<string>, string, CancellationToken, Task> onMessage, string? farewell = null)
    : SocketMessageHandler<string>(Framing.Lines(maxLength: 100).AsText())
{
    private readonly TaskCompletionSource<EventRecorder> _recorded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ScriptedHandler(Action<ISocketConnection<string>, string> onMessage, string? farewell = null)
        : this(
            (connection, line, _) =>
            {
                onMessage(connection, line);
                return Task.CompletedTask;
            },
            farewell)
    {
    }

    public Task<EventRecorder> Events => _recorded.Task.Soon();

    /// <summary>Completes when the connection is closed, and both this handler and the recorder, which comes after it, were told.</summary>
    public Task Closed => WaitForCloseAsync();

    public Task<MessagePlace> StartAsync(string place, Action<SocketConnectionOptions>? options = null) => MessagePlace.StartAsync(
        place, listen => listen.UseSocketHandler<ScriptedHandler>(options), services => services.AddSingleton(this));

    private async Task WaitForCloseAsync()
    {
        await _closed.Task.Soon();
        await (await Events).Closed;
    }

    protected override void OnConnection(ISocketConnection<string> connection)
        => _recorded.TrySetResult(new EventRecorder(connection, data: false));

    protected override Task OnMessageAsync(ISocketConnection<string> connection, string message, CancellationToken connectionClosed)
        => onMessage(connection, message, connectionClosed);

    protected override void OnError(ISocketConnection<string> connection, Exception error)
    {
        if (farewell is not null)
        {
            connection.Write(farewell);
        }
    }

    protected override void OnClosed(ISocketConnection<string> connection) => _closed.TrySetResult();
}
