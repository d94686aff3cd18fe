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

    private MemoryPair(
        Action<ISocketConnection, EventRecorder>? handle,
        Action<SocketConnectionOptions>? options,
        int bufferSize,
        TimeProvider timeProvider,
        Action<IConnectionBuilder>? build)
    {
        var builder = new ConnectionBuilder(new ServiceCollection().AddSingleton(timeProvider).BuildServiceProvider());
        build?.Invoke(builder);
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
    public Task FirstRead => ReadsAsync(1);

    /// <summary>Completes when the connection has begun to read for that many times.</summary>
    public Task ReadsAsync(int count) => _reader!.ReadsAsync(count).Soon();

    public static async Task<MemoryPair> ConnectAsync(
        Action<ISocketConnection, EventRecorder>? handle = null,
        Action<SocketConnectionOptions>? options = null,
        int bufferSize = 64 * 1024,
        TimeProvider? timeProvider = null,
        Action<IConnectionBuilder>? build = null)
    {
        var pair = new MemoryPair(handle, options, bufferSize, timeProvider ?? TimeProvider.System, build);
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
        private readonly Lock _lock = new();
        private readonly List<(int Count, TaskCompletionSource Reached)> _waiting = [];

        public int Reads { get; private set; }

        public Task ReadsAsync(int count)
        {
            lock (_lock)
            {
                var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waiting.Add((count, reached));
                Tell();
                return reached.Task;
            }
        }

        public override bool TryRead(out ReadResult result)
        {
            Count();
            return inner.TryRead(out result);
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            Count();
            return inner.ReadAsync(cancellationToken);
        }

        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        private void Count()
        {
            lock (_lock)
            {
                Reads++;
                Tell();
            }
        }

        private void Tell() => _waiting.RemoveAll(waiting => waiting.Count <= Reads && waiting.Reached.TrySetResult());
    }
}
