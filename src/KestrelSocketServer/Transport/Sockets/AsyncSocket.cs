using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KestrelSocketServer.Transport.Sockets;

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

    // The system reports a failure once, by whichever call comes first; from then on receiving reports an end and sending a broken
    // pipe. A broken pipe before that is none for receiving: the peer, or this side, had ended.
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
            if (count == 0 && error == SocketError.Success)
            {
                return OnEnd(out error);
            }

            error = SystemError.Complete(error);
            return count;
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
            error = KeepFailure(SystemError.Complete(error));
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
            error = KeepFailure(SystemError.Complete(error));
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

    public bool HasUnread
    {
        get
        {
            try
            {
                return _socket.Available > 0;
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    public int CountUnacknowledged() => 0;

    private void OnReadable(object? sender, SocketAsyncEventArgs arguments)
    {
        KeepFailure(SystemError.Complete(arguments.SocketError));
        Interlocked.Exchange(ref _waitsReadable, 0);
        _threads.Run(this);
    }

    void IThreadPoolWorkItem.Execute() => Connection.Input.OnReadable();

    // Returns the first one.
    private SocketError KeepFailure(SocketError error)
    {
        if (error is SocketError.Success or SocketError.WouldBlock)
        {
            return error;
        }

        lock (_readable)
        {
            if (_failure == SocketError.Success && error != SocketError.Shutdown)
            {
                _failure = error;
            }

            return _failure == SocketError.Success ? error : _failure;
        }
    }

    // Either the end, or a failure that another call has reported.
    private int OnEnd(out SocketError error)
    {
        lock (_readable)
        {
            // A wait that goes on may have taken the failure, and reports it.
            error = _failure == SocketError.Success && Volatile.Read(ref _waitsReadable) != 0 ? SocketError.WouldBlock : _failure;
            return error == SocketError.Success ? 0 : -1;
        }
    }

    private void StartWatch()
    {
        if (_watch is null)
        {
            ITimer timer = _timeProvider.CreateTimer(static state => ((AsyncSocket)state!).Check(), this, WatchInterval, WatchInterval);
            if (Interlocked.CompareExchange(ref _watch, timer, null) is not null)
            {
                timer.Dispose();
            }
        }
    }

    private void Check()
    {
        try
        {
            SocketError error;
            lock (_readable)
            {
                error = KeepFailure((SocketError)(int)_socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!);
                error = error == SocketError.Success ? _failure : error;
            }

            if (error != SocketError.Success)
            {
                Interlocked.Exchange(ref _watch, null)?.Dispose();
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
        void IThreadPoolWorkItem.Execute() => socket.Connection.Output.OnSent(BytesTransferred, socket.KeepFailure(SystemError.Complete(SocketError)));

        protected override void OnCompleted(SocketAsyncEventArgs e) => socket._threads.Run(this);
    }
}
