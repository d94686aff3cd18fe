using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>A connected socket on an event loop.</summary>
internal sealed unsafe class EpollSocket(EventLoop loop, SafeFileDescriptor handle) : LoopItem(loop, handle), ITransportSocket
{
    private const int MaxBuffers = 16;

    private Socket? _socket;
    private volatile bool _hungUp;

    // The system reports a failure once, by whichever call comes first; from then on receiving reports an end and sending a broken
    // pipe. A broken pipe before that is none for receiving: the peer, or this side, had ended.
    private SocketError _failure;

    public TransportConnection Connection { get; set; } = null!;

    // Made when somebody asks; it uses the descriptor and does not own it.
    public Socket Socket
    {
        get
        {
            if (Volatile.Read(ref _socket) is { } socket)
            {
                return socket;
            }

            ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
            var made = new Socket(new SafeSocketHandle(Handle.DangerousGetHandle(), ownsHandle: false));
            return Interlocked.CompareExchange(ref _socket, made, null) ?? made;
        }
    }

    public int Receive(Span<byte> buffer, out SocketError error)
    {
        try
        {
            fixed (byte* start = buffer)
            {
                int count = Result(Libc.Receive(Handle, start, (nuint)buffer.Length, Libc.DontWait), out error);
                return count == 0 ? OnEnd(out error) : count;
            }
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
            fixed (byte* start = data)
            {
                return Result(Libc.Send(Handle, start, (nuint)data.Length, Libc.DontWait | Libc.NoSignal), out error);
            }
        }
        catch (ObjectDisposedException)
        {
            return OnClosed(out error);
        }
    }

    public int Send(PooledSegment first, out SocketError error)
    {
        Libc.Buffer* buffers = stackalloc Libc.Buffer[MaxBuffers];
        Span<MemoryHandle> pins = new MemoryHandle[MaxBuffers];
        int count = 0;
        try
        {
            for (PooledSegment? segment = first; segment is not null && count < MaxBuffers; segment = segment.NextSegment)
            {
                ReadOnlyMemory<byte> data = segment.Unread;
                pins[count] = data.Pin();
                buffers[count] = new Libc.Buffer { Base = (byte*)pins[count].Pointer, Length = (nuint)data.Length };
                count++;
            }

            var message = new Libc.MessageHeader { Buffers = buffers, BufferCount = (nuint)count };
            return Result(Libc.SendMessage(Handle, &message, Libc.DontWait | Libc.NoSignal), out error);
        }
        catch (ObjectDisposedException)
        {
            return OnClosed(out error);
        }
        finally
        {
            foreach (MemoryHandle pin in pins[..count])
            {
                pin.Dispose();
            }
        }
    }

    public bool WaitReadable()
    {
        if (!_hungUp)
        {
            TryWatch(Readiness.Readable);
        }

        return _hungUp;
    }

    public void WaitWritable(ReadOnlyMemory<byte> next)
    {
        // Store-load fence, pairs with the one in LoopItem.Update: the loop, when it switches the watch off, sees that somebody waits, or
        // this sees that it is off.
        Interlocked.MemoryBarrier();
        TryWatch(Readiness.Writable);
        if (_hungUp)
        {
            Schedule(new SendAgain(this));
        }
    }

    public void WatchPeerEnd()
    {
        TryWatch(Readiness.PeerEnded);
        if (_hungUp)
        {
            Connection.OnPeerEnded();
        }
    }

    public void WatchFailure()
    {
        // A failure is told in any case, to items that are watched for anything or nothing; but once.
        TryWatch(Readiness.None);
        if (_hungUp)
        {
            TellFailure();
        }
    }

    public void Schedule(IThreadPoolWorkItem item) => Loop.Schedule(item, this);

    public bool IsSameTurn(ref long turn)
    {
        long previous = turn;
        turn = Loop.State;

        // A handler that has lost its loop is to come back to it.
        return Loop.IsInEventLoop ? turn == previous : LoopThread.IsCurrent;
    }

    public override void OnReady(Readiness readiness)
    {
        if (IsHungUp(readiness))
        {
            OnHungUp();
            return;
        }

        if ((readiness & Readiness.PeerEnded) != 0)
        {
            Unwatch(Readiness.PeerEnded);
            Connection.OnPeerEnded();
        }

        if ((readiness & Readiness.Writable) != 0)
        {
            Connection.Output.OnSent(0, SocketError.Success);
            if (!Connection.Output.IsPending)
            {
                Unwatch(Readiness.Writable);
                if (Connection.Output.IsPending)
                {
                    TryWatch(Readiness.Writable);
                }
            }
        }

        if ((readiness & Readiness.Readable) != 0 && !Connection.Input.OnReadable())
        {
            Unwatch(Readiness.Readable);
            if (Connection.Input.IsWaiting)
            {
                // It has begun to wait just now, and may have taken the watch for granted.
                TryWatch(Readiness.Readable);
            }
        }
    }

    public override void OnBlocked()
    {
        PutOnProbation();

        // Not here, where other connections wait: a logger may block too.
        try
        {
            ThreadPool.UnsafeQueueUserWorkItem(static self => self.TellBlocked(), this, preferLocal: false);
        }
        catch (OutOfMemoryException)
        {
            // The pool has no thread to tell it on, and can start none. It is a matter of logs; the loops need the monitor.
        }
    }

    public override void Suspend(Readiness readiness)
    {
        if (IsHungUp(readiness))
        {
            // Told to all that are watched, for whatever.
            StopWatching(closing: false);
        }
        else
        {
            Try(readiness, static (self, readiness) => self.Unwatch(readiness));
        }
    }

    public void ShutdownSend()
    {
        try
        {
            if (Libc.Shutdown(Handle, Libc.ShutdownWrite) < 0 && SystemError.Last is not SocketError.NotConnected and var error)
            {
                // The peer would wait for the end for ever.
                Connection.OnFailed(error);
            }
        }
        catch (ObjectDisposedException)
        {
            // Closed by another thread: the end was sent with that.
        }
    }

    public void Close(bool reset)
    {
        if (reset)
        {
            // Linger for no time at all: close sends a reset.
            int* linger = stackalloc int[] { 1, 0 };
            _ = Libc.SetOption(Handle, Libc.SocketLevel, Libc.LingerOption, linger, 2 * sizeof(int));
        }

        StopWatching(closing: true);
        Volatile.Read(ref _socket)?.Dispose();
        Handle.Dispose();
    }

    public EndPoint? ReadLocalEndPoint()
    {
        byte* address = stackalloc byte[NativeAddress.MaxLength];
        uint length = NativeAddress.MaxLength;
        return Libc.GetName(Handle, address, &length) < 0 ? null : NativeAddress.Read(new ReadOnlySpan<byte>(address, (int)length));
    }

    public bool HasUnread => Count(Libc.UnreadRequest) > 0;

    public int CountUnacknowledged() => Count(Libc.UnacknowledgedRequest);

    private int Count(nuint request)
    {
        try
        {
            int count = 0;
            return Libc.Control(Handle, request, &count) < 0 ? 0 : count;
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    private void TellBlocked()
    {
        try
        {
            Connection.OnHandlerBlocked();
        }
        catch (Exception)
        {
            // A logger that throws: there is nobody else to tell.
        }
    }

    private static bool IsHungUp(Readiness readiness) => (readiness & (Readiness.Error | Readiness.HungUp)) != 0;

    // Both directions are over, or the connection has failed: the system would tell so again and again.
    private void OnHungUp()
    {
        _hungUp = true;
        StopWatching(closing: false);
        Connection.OnPeerEnded();
        Connection.Output.OnSent(0, SocketError.Success);

        // Who reads finds out when it has read what came before. Who does not read may want to know at once.
        if (!Connection.Input.OnReadable() && Connection.IsFailureWatched)
        {
            TellFailure();
        }
    }

    private void TellFailure()
    {
        SocketError error;
        lock (this)
        {
            error = KeepFailure(ReadError());
        }

        if (error != SocketError.Success)
        {
            Connection.OnFailed(error);
        }
    }

    // Either the end, or a failure that another call has reported.
    private int OnEnd(out SocketError error)
    {
        lock (this)
        {
            error = _failure;
            return error == SocketError.Success ? 0 : -1;
        }
    }

    // Returns the first one.
    private SocketError KeepFailure(SocketError error)
    {
        if (error is SocketError.Success or SocketError.WouldBlock)
        {
            return error;
        }

        lock (this)
        {
            if (_failure == SocketError.Success && error != SocketError.Shutdown)
            {
                _failure = error;
            }

            return _failure == SocketError.Success ? error : _failure;
        }
    }

    private SocketError ReadError()
    {
        try
        {
            int error = 0;
            uint length = sizeof(int);
            return Libc.GetOption(Handle, Libc.SocketLevel, Libc.ErrorOption, &error, &length) < 0 ? SystemError.Last
                : error == 0 ? SocketError.Success : SystemError.FromErrno(error);
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
        }
    }

    private void TryWatch(Readiness readiness) => Try(readiness, static (self, readiness) => self.Watch(readiness));

    private void Try(Readiness readiness, Action<EpollSocket, Readiness> change)
    {
        try
        {
            change(this, readiness);
        }
        catch (SocketException exception)
        {
            Connection.OnFailed(exception);
        }
        catch (ObjectDisposedException)
        {
            // Closed by another thread, which makes whatever waits fail; or the loop is over.
            Connection.OnFailed(SocketError.OperationAborted);
        }
    }

    private int Result(nint result, out SocketError error)
    {
        error = result < 0 ? KeepFailure(SystemError.Last) : SocketError.Success;
        return (int)result;
    }

    private static int OnClosed(out SocketError error)
    {
        error = SocketError.OperationAborted;
        return -1;
    }

    private sealed class SendAgain(EpollSocket socket) : IThreadPoolWorkItem
    {
        public void Execute() => socket.Connection.Output.OnSent(0, SocketError.Success);
    }
}
