using System.Diagnostics;
using KestrelSocketServer.Connections;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>
/// Handles the connections of an endpoint: one instance for all of them. Override <see cref="OnConnection"/> to subscribe to
/// events, or <see cref="OnConnectionAsync(ISocketConnection)"/> to read in your own flow.
/// </summary>
/// <remarks>
/// It is a Kestrel <see cref="ConnectionHandler"/>, so it also runs on the application's own Kestrel and over any other
/// <see cref="IConnectionBuilder"/>. Constructor parameters come from dependency injection.
/// </remarks>
public abstract class SocketConnectionHandler : ConnectionHandler, IConfiguredHandler
{
    private Func<ISocketConnection, Task>? _handle;

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

    /// <summary>
    /// A connection is established; by default calls <see cref="OnConnectionAsync(ISocketConnection)"/>. Override this one to give up what
    /// you await when the connection is closed.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="connectionClosed">The <see cref="ISocketConnection.ConnectionClosed"/> of the connection (row C35).</param>
    protected virtual Task OnConnectionAsync(ISocketConnection connection, CancellationToken connectionClosed) => OnConnectionAsync(connection);

    /// <summary>Called by Kestrel for each connection.</summary>
    /// <param name="connection">The connection, which the returned task owns until it completes.</param>
    public sealed override Task OnConnectedAsync(ConnectionContext connection) => RunAsync(connection, ConnectionSettings.Default);

    Task IConfiguredHandler.RunAsync(ConnectionContext context, ConnectionSettings settings) => RunAsync(context, settings);

    private Task RunAsync(ConnectionContext context, ConnectionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(context);

        return SocketConnection.RunAsync(context, settings, _handle ??= TakesToken ? HandleWithToken : OnConnectionAsync);
    }

    // A token is made only for a handler that looks at it.
    private bool TakesToken => DiagnosticMethodInfo.Create((Func<ISocketConnection, CancellationToken, Task>)OnConnectionAsync)?.DeclaringTypeName
        != typeof(SocketConnectionHandler).FullName;

    private Task HandleWithToken(ISocketConnection connection) => OnConnectionAsync(connection, connection.ConnectionClosed);
}
