using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// A sketch of a server with nothing in between: one thread waits with epoll, accepts, receives into one buffer and calls an
/// event, whose subscriber sends. It has no TLS, no time-outs and no way to stop; it marks what the others could reach.
/// </summary>
internal sealed class LimitServer : IMeasuredServer
{
    private const int Backlog = 4096;
    private const int BufferSize = 64 * 1024;

    private readonly Poll _poll = new();
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferSize, pinned: true);
    private readonly Dictionary<int, LimitConnection> _connections = [];

    // Accepted sockets inherit TCP_NODELAY from it.
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, Blocking = false };

    private int ListenerHandle => (int)_listener.Handle;

    public Task<IReadOnlyList<int>> StartAsync()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(Backlog);
        _poll.Add(ListenerHandle, ListenerHandle);
        new Thread(Run) { IsBackground = true, Name = nameof(LimitServer) }.Start();
        return Task.FromResult<IReadOnlyList<int>>([((IPEndPoint)_listener.LocalEndPoint!).Port]);
    }

    /// <summary>Leaves all to the end of the process, which follows.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Run()
    {
        int listener = ListenerHandle;
        while (true)
        {
            int ready = _poll.Wait(Timeout.Infinite);
            for (int i = 0; i < ready; i++)
            {
                int handle = _poll.TagOf(i);
                if (handle == listener)
                {
                    Accept(listener);
                }
                else if (!_connections[handle].OnReady(_buffer))
                {
                    _connections.Remove(handle);
                    _ = Native.Close(handle);
                }
            }
        }
    }

    private void Accept(int listener)
    {
        int handle = Native.Accept(listener, Native.NonBlocking | Native.CloseOnExec);
        if (handle >= 0)
        {
            var connection = new LimitConnection(_poll, handle);
            connection.Data += connection.Send;
            _connections.Add(handle, connection);
            _poll.Add(handle, handle);
        }
    }
}
