using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>A connection of a server, whose handler waits until the test is done with it, and a client with a socket of its own.</summary>
/// <param name="client">The client.</param>
/// <param name="context">The server's side.</param>
/// <param name="done">Ends the handler.</param>
public sealed class SocketPair(RawClient client, ConnectionContext context, TaskCompletionSource done) : DuplexPair
{
    public RawClient Client => client;

    public ConnectionContext Context => context;

    public override IDuplexPipe Transport { get; } = context.Transport;

    public override Stream Received => client.Stream;

    protected override Stream Sent => client.Stream;

    public override void FinishSending() => client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);

    public override void Leave() => client.Dispose();

    public override void Reset() => client.Reset();

    /// <summary>Lets the server's handler return.</summary>
    public void EndHandler() => done.TrySetResult();

    public override ValueTask DisposeAsync()
    {
        Leave();
        EndHandler();
        return ValueTask.CompletedTask;
    }
}
