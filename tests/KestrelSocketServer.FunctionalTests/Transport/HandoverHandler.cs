using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>A handler of Kestrel that knows nothing of the library: it hands its connections to the test and waits until that is done.</summary>
public sealed class HandoverHandler : ConnectionHandler
{
    private readonly Channel<(ConnectionContext Context, TaskCompletionSource Done)> _accepted =
        Channel.CreateUnbounded<(ConnectionContext Context, TaskCompletionSource Done)>();

    public Task<(ConnectionContext Context, TaskCompletionSource Done)> AcceptedAsync() => _accepted.Reader.ReadAsync().Soon();

    public override Task OnConnectedAsync(ConnectionContext connection)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _accepted.Writer.TryWrite((connection, done));
        return done.Task;
    }
}
