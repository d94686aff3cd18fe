using System.IO.Pipelines;
using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.Tests.Connections;

/// <summary>A client in memory and the server's side of its connection, with the events recorded and the reads counted.</summary>
internal sealed class MemoryPair : IAsyncDisposable
{
    private readonly TaskCompletionSource<EventRecorder> _recorded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CountingReader? _reader;

    private MemoryPair(Action<ISocketConnection, EventRecorder>? handle, Action<SocketConnectionOptions>? options, int bufferSize)
    {
        var builder = new ConnectionBuilder(new ServiceCollection().BuildServiceProvider());
        builder.Use(next => context =>
        {
            _reader = new CountingReader(context.Transport.Input);
            context.Transport = new DuplexPipe(_reader, context.Transport.Output);
            return next(context);
        });
        builder.UseSocketHandler(
            connection =>
            {
                var events = new EventRecorder(connection);
                handle?.Invoke(connection, events);
                _recorded.SetResult(events);
            },
            options);
        Client = InMemorySocketClient.Connect(builder.Build(), new InMemorySocketClientOptions { BufferSize = bufferSize });
    }

    public InMemorySocketClient Client { get; }

    public EventRecorder Events => _recorded.Task.Result;

    public ISocketConnection Connection => Events.Connection;

    /// <summary>How often the connection has read from its transport.</summary>
    public int Reads => _reader!.Reads;

    /// <summary>Completes when the connection has begun to read.</summary>
    public Task FirstRead => _reader!.FirstRead;

    public static async Task<MemoryPair> ConnectAsync(
        Action<ISocketConnection, EventRecorder>? handle = null, Action<SocketConnectionOptions>? options = null, int bufferSize = 64 * 1024)
    {
        var pair = new MemoryPair(handle, options, bufferSize);
        await pair._recorded.Task.Soon();
        return pair;
    }

    public ValueTask DisposeAsync() => Client.DisposeAsync();

    private sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }

    private sealed class CountingReader(PipeReader inner) : PipeReader
    {
        private readonly TaskCompletionSource _firstRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public Task FirstRead => _firstRead.Task;

        public override bool TryRead(out ReadResult result)
        {
            Interlocked.Increment(ref _reads);
            return inner.TryRead(out result);
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _reads);
            _firstRead.TrySetResult();
            return inner.ReadAsync(cancellationToken);
        }

        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}
