using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.Tests.Connections;

/// <summary>A connection that is none of the library's: it counts who has subscribed, and its events are raised by the test.</summary>
internal sealed class FakeConnection : ISocketConnection
{
    private readonly List<byte> _written = [];

    public event Action<ReadOnlySpan<byte>>? Data
    {
        add
        {
            if (IsReadInAnotherStyle)
            {
                throw new InvalidOperationException("It is already read by AsStream.");
            }

            DataSubscribers += value;
        }
        remove => DataSubscribers -= value;
    }

    public event Action? Ended;

    public event Action<Exception>? Error;

    public event Action? Closed;

    public event Action? Drained;

    public event Action? Stopping;

    public bool IsReadInAnotherStyle { get; init; }

    public int Subscriptions => new Delegate?[] { DataSubscribers, Ended, Error, Closed, Drained, Stopping }
        .Sum(subscribers => subscribers?.GetInvocationList().Length ?? 0);

    public byte[] Written => [.. _written];

    public bool IsFull { get; set; }

    public bool IsPaused { get; private set; }

    public bool HasEnded { get; private set; }

    public string Id => "fake";

    public string? RemoteAddress => null;

    public string? LocalAddress => null;

    public EndPoint? RemoteEndPoint => null;

    public EndPoint? LocalEndPoint => null;

    public bool IsReadable { get; private set; } = true;

    public bool IsWritable => !HasEnded && CloseReason is null;

    public SocketCloseReason? CloseReason { get; private set; }

    public CancellationToken ConnectionClosed => new(CloseReason is not null);

    public long DiscardedBytes => 0;

    public ConnectionTls? Tls => null;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    public IDictionary<object, object?> Items { get; } = new Dictionary<object, object?>();

    public ISocketServer? Server => null;

    private Action<ReadOnlySpan<byte>>? DataSubscribers { get; set; }

    public void Receive(params byte[] data) => DataSubscribers?.Invoke(data);

    public void EndOfPeer()
    {
        IsReadable = false;
        Ended?.Invoke();
    }

    public void Drain()
    {
        IsFull = false;
        Drained?.Invoke();
    }

    public bool Write(ReadOnlySpan<byte> data)
    {
        if (!IsWritable)
        {
            return false;
        }

        _written.AddRange(data);
        return !IsFull;
    }

    public bool Write<TState>(TState state, Action<IBufferWriter<byte>, TState> write)
        where TState : allows ref struct
    {
        var writer = new ArrayBufferWriter<byte>();
        write(writer, state);
        return Write(writer.WrittenSpan);
    }

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
        => ValueTask.FromResult(Write(data.Span));

    public void End()
    {
        HasEnded = true;
        IsReadable = false;
    }

    public void End(ReadOnlySpan<byte> data)
    {
        Write(data);
        End();
    }

    public void EndWriting() => HasEnded = true;

    public Task EndAsync(CancellationToken cancellationToken = default)
    {
        End();
        return Task.CompletedTask;
    }

    public void Reset() => Close();

    public void Close()
    {
        IsReadable = false;
        CloseReason = SocketCloseReason.LocalClose;
        Closed?.Invoke();
    }

    public void Pause() => IsPaused = true;

    public void Resume() => IsPaused = false;

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync(CancellationToken cancellationToken = default)
        => throw new NotSupportedException();

    public Stream AsStream() => throw new NotSupportedException();

    public IDuplexPipe AsPipe() => throw new NotSupportedException();
}
