using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Testing;

/// <summary>The server's side of a connection in memory: two pipes, and the endings that a socket would have.</summary>
internal sealed class InMemoryConnectionContext : DefaultConnectionContext
{
    private readonly TaskCompletionSource<ConnectionAbortedException> _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _lock = new();
    private readonly Pipe _toServer;
    private readonly Pipe _toClient;
    private bool _inputEnded;

    public InMemoryConnectionContext(string id, InMemorySocketClientOptions options)
        : base(id)
    {
        var pipeOptions = new PipeOptions(
            pauseWriterThreshold: options.BufferSize, resumeWriterThreshold: Math.Max(1, options.BufferSize / 2), useSynchronizationContext: false);
        _toServer = new Pipe(pipeOptions);
        _toClient = new Pipe(pipeOptions);
        Transport = new DuplexPipe(_toServer.Reader, _toClient.Writer);
        RemoteEndPoint = options.RemoteEndPoint;
        LocalEndPoint = options.LocalEndPoint;
        ConnectionClosed = _closed.Token;
    }

    public Task<ConnectionAbortedException> Aborted => _aborted.Task;

    public PipeReader ClientInput => _toClient.Reader;

    /// <summary>Writes what the client sends.</summary>
    public ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_inputEnded)
            {
                throw new IOException("The client cannot send: one of the two sides has ended the connection.");
            }

            return _toServer.Writer.WriteAsync(data, cancellationToken);
        }
    }

    /// <summary>The client sends no more; with an exception, it receives no more either.</summary>
    public void EndInput(Exception? exception)
    {
        lock (_lock)
        {
            if (_inputEnded && exception is null)
            {
                return;
            }

            _inputEnded = true;
            _toServer.Writer.Complete(exception);
            if (exception is not null)
            {
                _toClient.Reader.Complete(exception);
            }
        }

        // As Kestrel's transport does: it tells of the peer's end as of any other.
        ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), _closed, preferLocal: false);
    }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (_aborted.TrySetResult(abortReason))
        {
            lock (_lock)
            {
                _inputEnded = true;
                _toServer.Writer.Complete(abortReason);
            }

            _toClient.Writer.CancelPendingFlush();
            ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), _closed, preferLocal: false);
        }
    }

    /// <summary>The handler has returned: whatever it left open is over.</summary>
    public async Task CompleteAsync()
    {
        EndInput(null);
        await Transport.Output.CompleteAsync().ConfigureAwait(false);
        await Transport.Input.CompleteAsync().ConfigureAwait(false);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(false);
        await _closed.CancelAsync().ConfigureAwait(false);
    }

    private sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
