using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KestrelSocketServer;

/// <summary>A connected socket of .NET's: it is waited for by its asynchronous operations and used by the others.</summary>
#pragma warning disable CA1001 // Disposed of when the socket is closed.
internal sealed class AsyncSocket : ITransportSocket, IThreadPoolWorkItem
#pragma warning restore CA1001
{
    // There is no operation that waits for a failure, or for the end behind data that nobody reads.
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(50);

    private readonly Socket _socket;
    private readonly HandlerThreads _threads;
    private readonly TimeProvider _timeProvider;
    private readonly SocketAsyncEventArgs _readable = new(true);
    private SendArguments? _writable;
    private ITimer? _watch;
    private int _waitsReadable;

    // What waiting was told: the system tells of a reset once, and then of an end.
    private SocketError _failure;

    public AsyncSocket(Socket socket, HandlerThreads threads, TimeProvider timeProvider)
    {
        _socket = socket;
        _threads = threads;
        _timeProvider = timeProvider;
        socket.Blocking = false;
        _readable.Completed += OnReadable;
    }

    public TransportConnection Connection { get; set; } = null!;

    public Socket Socket => _socket;

    public int Receive(Span<byte> buffer, out SocketError error)
    {
        try
        {
            int count = _socket.Receive(buffer, SocketFlags.None, out error);
            if (count > 0 || error != SocketError.Success || _failure == SocketError.Success)
            {
                error = SystemError.Complete(error);
                return count;
            }

            error = _failure;
            return -1;
        }
        catch (ObjectDisposedException)
        {
            return OnClosed(out error);
        }
    }

    public int Send(ReadOnlySpan<byte> data, out SocketError error)
    {
        try
        {
            int count = _socket.Send(data, SocketFlags.None, out error);
            error = SystemError.Complete(error);
            return count;
        }
        catch (ObjectDisposedException)
        {
            return OnClosed(out error);
        }
    }

    public int Send(PooledSegment first, out SocketError error)
    {
        var buffers = new List<ArraySegment<byte>>();
        for (PooledSegment? segment = first; segment is not null; segment = segment.NextSegment)
        {
            _ = MemoryMarshal.TryGetArray(segment.Unread, out ArraySegment<byte> buffer);
            buffers.Add(buffer);
        }

        try
        {
            int count = _socket.Send(buffers, SocketFlags.None, out error);
            error = SystemError.Complete(error);
            return count;
        }
        catch (ObjectDisposedException)
        {
            return OnClosed(out error);
        }
    }

    public bool WaitReadable()
    {
        if (Interlocked.Exchange(ref _waitsReadable, 1) != 0)
        {
            // An earlier wait goes on: its read was cancelled.
            return false;
        }

        try
        {
            // For no bytes: it completes when there are some, and holds no memory meanwhile.
            if (_socket.ReceiveAsync(_readable))
            {
                return false;
            }

            KeepFailure(_readable.SocketError);
        }
        catch (ObjectDisposedException)
        {
            // Closed by another thread: receiving tells.
        }

        Volatile.Write(ref _waitsReadable, 0);
        return true;
    }

    public void WaitWritable(ReadOnlyMemory<byte> next)
    {
        _writable ??= new SendArguments(this);
        try
        {
            _writable.SetBuffer(MemoryMarshal.AsMemory(next));
            if (_socket.SendAsync(_writable))
            {
                return;
            }
        }
        catch (ObjectDisposedException)
        {
            // Closed by another thread, which makes the flush that waits fail.
            return;
        }

        // Not inside the call.
        _threads.Schedule(_writable);
    }

    public void WatchPeerEnd() => StartWatch();

    public void WatchFailure() => StartWatch();

    public void Schedule(IThreadPoolWorkItem item) => _threads.Schedule(item);

    // It has a thread of the pool to itself.
    public bool IsSameTurn(ref long turn) => false;

    public void ShutdownSend()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException exception) when (exception.SocketErrorCode != SocketError.NotConnected)
        {
            // The peer would wait for the end for ever.
            Connection.OnFailed(SystemError.Complete(exception.SocketErrorCode));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The peer or another thread was faster: the connection is over.
        }
    }

    public void Close(bool reset)
    {
        Interlocked.Exchange(ref _watch, null)?.Dispose();
        _socket.Close(reset ? 0 : -1);
        _readable.Dispose();
        _writable?.Dispose();
    }

    public int CountUnacknowledged() => 0;

    private void OnReadable(object? sender, SocketAsyncEventArgs arguments)
    {
        KeepFailure(arguments.SocketError);
        Interlocked.Exchange(ref _waitsReadable, 0);
        _threads.Run(this);
    }

    void IThreadPoolWorkItem.Execute() => Connection.Input.OnReadable();

    private void KeepFailure(SocketError error)
    {
        if (error != SocketError.Success)
        {
            _failure = SystemError.Complete(error);
        }
    }

    private void StartWatch()
    {
        if (_watch is null)
        {
            ITimer timer = _timeProvider.CreateTimer(static state => ((AsyncSocket)state!).Look(), this, WatchInterval, WatchInterval);
            if (Interlocked.CompareExchange(ref _watch, timer, null) is not null)
            {
                timer.Dispose();
            }
        }
    }

    private void Look()
    {
        try
        {
            var error = (SocketError)(int)_socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (error != SocketError.Success)
            {
                Connection.OnFailed(error);
            }
            else if (_socket.Poll(0, SelectMode.SelectRead) && _socket.Available == 0)
            {
                Connection.OnPeerEnded();
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Closed by another thread, which has told. It may have been faster than whoever started the watch.
            Interlocked.Exchange(ref _watch, null)?.Dispose();
        }
    }

    private static int OnClosed(out SocketError error)
    {
        error = SocketError.OperationAborted;
        return -1;
    }

    private sealed class SendArguments(AsyncSocket socket) : SocketAsyncEventArgs(true), IThreadPoolWorkItem
    {
        void IThreadPoolWorkItem.Execute() => socket.Connection.Output.OnSent(BytesTransferred, SystemError.Complete(SocketError));

        protected override void OnCompleted(SocketAsyncEventArgs e) => socket._threads.Run(this);
    }
}
