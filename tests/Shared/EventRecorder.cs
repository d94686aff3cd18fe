using System.Buffers;
using System.Text;

namespace KestrelSocketServer.TestSupport;

/// <summary>Subscribes to every event of a connection and records what happened in which order. Use it inside the handler.</summary>
public sealed class EventRecorder
{
    private readonly Lock _lock = new();
    private readonly List<string> _events = [];
    private readonly ArrayBufferWriter<byte> _received = new();
    private readonly List<(long Count, TaskCompletionSource Reached)> _waiting = [];
    private readonly TaskCompletionSource _data = New();
    private readonly TaskCompletionSource _ended = New();
    private readonly TaskCompletionSource<Exception> _error = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = New();
    private readonly TaskCompletionSource _drained = New();
    private readonly TaskCompletionSource _stopping = New();
    private int _running;

    /// <param name="connection">The connection to listen to.</param>
    /// <param name="data">Whether to read by the data event.</param>
    public EventRecorder(ISocketConnection connection, bool data = true)
    {
        Connection = connection;
        if (data)
        {
            connection.Data += chunk =>
            {
                byte[] copy = chunk.ToArray();
                Record("data", _data, () => Receive(copy));
            };
        }

        connection.Ended += () => Record("end", _ended);
        connection.Error += exception => Record("error", null, () =>
        {
            ReasonInError = connection.CloseReason;
            _error.TrySetResult(exception);
        });
        connection.Closed += () => Record("close", _closed, () => ReasonInClosed = connection.CloseReason);
        connection.Drained += () => Record("drain", _drained);
        connection.Stopping += () => Record("stopping", _stopping);
    }

    public ISocketConnection Connection { get; }

    /// <summary>The names of the events so far: data, end, error, close, drain, stopping. Data that follows data is one.</summary>
    public IReadOnlyList<string> Events
    {
        get
        {
            lock (_lock)
            {
                return [.. _events];
            }
        }
    }

    /// <summary>How often two events ran at the same time; never, if all is right.</summary>
    public int Overlaps { get; private set; }

    public int EmptyChunks { get; private set; }

    /// <summary>The close reason as the error event saw it.</summary>
    public SocketCloseReason? ReasonInError { get; private set; }

    /// <summary>The close reason as the closed event saw it.</summary>
    public SocketCloseReason? ReasonInClosed { get; private set; }

    public byte[] Received
    {
        get
        {
            lock (_lock)
            {
                return _received.WrittenSpan.ToArray();
            }
        }
    }

    public string Text => Encoding.UTF8.GetString(Received);

    /// <summary>Completes with the first data.</summary>
    public Task Data => _data.Task.Soon();

    public Task Ended => _ended.Task.Soon();

    public Task<Exception> Error => _error.Task.Soon();

    public Task Closed => _closed.Task.Soon();

    public Task Drained => _drained.Task.Soon();

    public Task Stopping => _stopping.Task.Soon();

    /// <summary>Completes once that many bytes were received in all.</summary>
    public Task ReceivedAsync(long count)
    {
        lock (_lock)
        {
            if (_received.WrittenCount >= count)
            {
                return Task.CompletedTask;
            }

            TaskCompletionSource reached = New();
            _waiting.Add((count, reached));
            return reached.Task.Soon();
        }
    }

    private void Receive(byte[] chunk)
    {
        EmptyChunks += chunk.Length == 0 ? 1 : 0;
        _received.Write(chunk);
        _waiting.RemoveAll(waiting => _received.WrittenCount >= waiting.Count && waiting.Reached.TrySetResult());
    }

    private void Record(string name, TaskCompletionSource? happened, Action? more = null)
    {
        bool overlaps = Interlocked.Increment(ref _running) > 1;
        lock (_lock)
        {
            Overlaps += overlaps ? 1 : 0;
            if (name != "data" || _events.LastOrDefault() != "data")
            {
                _events.Add(name);
            }

            more?.Invoke();
        }

        Interlocked.Decrement(ref _running);
        happened?.TrySetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
