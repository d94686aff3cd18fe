using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>
/// Handles the connections of an endpoint: one instance for all of them. Override <see cref="OnConnection"/> to subscribe to
/// events, or <see cref="OnConnectionAsync"/> to read in your own flow.
/// </summary>
/// <remarks>
/// It is a Kestrel <see cref="ConnectionHandler"/>, so it also runs on the application's own Kestrel and over any other
/// <see cref="IConnectionBuilder"/>. Constructor parameters come from dependency injection.
/// </remarks>
public abstract class SocketConnectionHandler : ConnectionHandler
{
    /// <summary>
    /// A connection is established. Subscribe to its events here: reading starts when this has returned (row C2). An
    /// exception closes the connection and is told by <see cref="ISocketServer.Error"/> (row L12).
    /// </summary>
    /// <param name="connection">The connection; it outlives the call.</param>
    protected virtual void OnConnection(ISocketConnection connection)
    {
    }

    /// <summary>
    /// A connection is established; by default calls <see cref="OnConnection"/>. Override it to read by
    /// <see cref="ISocketConnection.ReadAllAsync"/>, <see cref="ISocketConnection.AsStream"/> or
    /// <see cref="ISocketConnection.AsPipe"/>: the connection then ends when the task completes. With events, nothing is read
    /// before the first subscription to <see cref="ISocketConnection.Data"/> or the end of the task.
    /// </summary>
    /// <param name="connection">The connection.</param>
    protected virtual Task OnConnectionAsync(ISocketConnection connection)
    {
        OnConnection(connection);
        return Task.CompletedTask;
    }

    /// <summary>Called by Kestrel for each connection.</summary>
    /// <param name="connection">The connection, which the returned task owns until it completes.</param>
    public sealed override Task OnConnectedAsync(ConnectionContext connection) => RunAsync(connection, ConnectionSettings.Default);

    internal Task RunAsync(ConnectionContext context, ConnectionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(context);

        return SocketConnection.RunAsync(context, settings, OnConnectionAsync);
    }
}
