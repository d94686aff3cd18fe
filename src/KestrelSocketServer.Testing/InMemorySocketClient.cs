using System.Runtime.ExceptionServices;
using System.Text;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Testing;

/// <summary>
/// A client that is connected to a handler in memory: tests of handlers need no port, no host and no socket.
/// </summary>
/// <example>
/// <code>
/// await using var client = InMemorySocketClient.Connect(connection => connection.Pipe(connection));
/// await client.SendAsync("hello\n");
/// Assert.Equal("hello", await client.ReceiveLineAsync());
/// </code>
/// </example>
/// <remarks>
/// Sending and receiving may go on at the same time, but not two calls of the same kind. Where the handler threw, its exception is thrown
/// in place of the end of the stream, and by <see cref="Completion"/>.
/// </remarks>
public sealed partial class InMemorySocketClient : IAsyncDisposable
{
    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(5);

    private const string ResetMessage = "The client has reset the connection.";

    private static long s_lastId;

    private readonly InMemoryConnectionContext _context;
    private readonly TaskCompletionSource<ISocketConnection> _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<SocketCloseReason> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ExceptionDispatchInfo? _fault;

    internal InMemorySocketClient(InMemorySocketServer server, InMemorySocketClientOptions options)
    {
        _context = new InMemoryConnectionContext($"memory-{Interlocked.Increment(ref s_lastId)}", options);
        Server = server;
        server.Add(this);
        Completion = RunAsync();
    }

    /// <summary>The server that the client is connected to.</summary>
    public InMemorySocketServer Server { get; }

    /// <summary>
    /// Completes with the server's side of the connection, as the handler sees it, once the handler has begun with it. Fails where the
    /// handler is none of socket connections, for which there is none.
    /// </summary>
    public Task<ISocketConnection> Connection => _connected.Task;

    /// <summary>
    /// Completes with <see cref="ISocketConnection.CloseReason"/> when the connection is closed, after what the handler has subscribed
    /// to <see cref="ISocketConnection.Closed"/> at its start. Fails as <see cref="Connection"/> does.
    /// </summary>
    public Task<SocketCloseReason> Closed => _closed.Task;

    /// <summary>The server's side of the connection, as middleware sees it.</summary>
    public ConnectionContext Context => _context;

    /// <summary>Completes when the handler is done with the connection; fails with what the handler threw.</summary>
    public Task Completion { get; }

    /// <summary>Completes with the reason when the server has aborted the connection, as it does to close without a flush.</summary>
    public Task<ConnectionAbortedException> Aborted => _context.Aborted;

    /// <summary>Sends bytes; completes when the connection has room for more.</summary>
    /// <param name="data">The bytes; copied before the call returns.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">The client has ended or reset the connection, or the server no longer receives.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        if ((await _context.WriteAsync(data, cancellationToken).ConfigureAwait(false)).IsCompleted)
        {
            _fault?.Throw();
            throw new IOException("The server no longer receives.");
        }
    }

    /// <summary>Sends text as UTF-8.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">The client has ended or reset the connection, or the server no longer receives.</exception>
    public Task SendAsync(string text, CancellationToken cancellationToken = default) => SendAsync(Encoding.UTF8.GetBytes(text), cancellationToken);

    /// <summary>Sends the end of the stream (FIN) and goes on receiving. A second call has no effect.</summary>
    public void End() => _context.EndInput(null);

    /// <summary>Leaves without a word (RST): reading and writing fail on the server's side, and receiving on this one.</summary>
    public void Reset()
    {
        lock (_receiving)
        {
            _reset = true;
            _context.ClientInput.CancelPendingRead();
            _context.EndInput(new ConnectionResetException(ResetMessage));
        }
    }

    /// <summary>
    /// Ends the client's side and waits for the server's side to come to its end: for five seconds at most, as a handler may
    /// never do that. What the handler threw is not thrown again.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (!Completion.IsCompleted)
        {
            Reset();
        }

        await Completion.WaitAsync(DisposeTimeout).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Server.Remove(this);
        await _context.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The server has raised its connection event.</summary>
    internal void OnConnection(ISocketConnection connection) => _connected.TrySetResult(connection);

    /// <summary>The handler threw.</summary>
    internal void OnFault(Exception exception) => _fault ??= ExceptionDispatchInfo.Capture(exception);

    private async Task RunAsync()
    {
        // Not on the thread of the caller, which would have to wait for a handler that blocks.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            Task running = Server.RunAsync(_context);
            ReportClose();
            await running.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // Thrown below, and wherever the client waits.
            OnFault(exception);
        }
        finally
        {
            await _context.CompleteAsync().ConfigureAwait(false);
            if (_connected.TrySetException(new InvalidOperationException("The handler has no ISocketConnection: it is a pipeline of Kestrel's own kind.")))
            {
                _closed.SetException(_connected.Task.Exception!.InnerException!);

                // Whoever does not ask need not hear of it.
                _ = _closed.Task.Exception;
            }
        }

        _fault?.Throw();
    }

    // After the handler has begun, so that its own subscribers come first.
    private void ReportClose()
    {
        if (!_connected.Task.IsCompletedSuccessfully)
        {
            return;
        }

        ISocketConnection connection = _connected.Task.Result;
        connection.Closed += () => _closed.TrySetResult(connection.CloseReason!.Value);
    }
}
