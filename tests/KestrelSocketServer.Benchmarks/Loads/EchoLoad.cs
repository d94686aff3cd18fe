using System.Diagnostics;
using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Keeps a number of messages under way on each of many connections: the next one is sent when one has come back, each by
/// itself, or all that are due in one send.
/// </summary>
internal sealed class EchoLoad : ILoad
{
    private const int ReceiveSize = 1024 * 1024;

    private readonly Poll _poll = new();
    private readonly ClientSockets _sockets;
    private readonly Progress[] _connections;
    private readonly int _size;
    private readonly byte[] _data;

    public EchoLoad(IPEndPoint server, int connections, int size, int depth, bool batched)
    {
        _size = size;
        _data = LoadMessage.Create(size, batched ? depth : 1);
        _sockets = new ClientSockets(server, connections);
        _connections = new Progress[connections];
        for (int i = 0; i < connections; i++)
        {
            _connections[i] = new Progress { Handle = _sockets.HandleOf(i), Owed = (long)size * depth };
            _poll.Add(_connections[i].Handle, i);
        }

        for (int i = 0; i < connections; i++)
        {
            Send(i);
        }
    }

    public long Run(TimeSpan time)
    {
        long end = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        long messages = 0;
        while (Stopwatch.GetTimestamp() < end)
        {
            int ready = _poll.Wait();
            for (int i = 0; i < ready; i++)
            {
                int index = _poll.TagOf(i);
                messages += Receive(index);
                Send(index);
            }
        }

        return messages;
    }

    public void Dispose()
    {
        _sockets.Dispose();
        _poll.Dispose();
    }

    private int Receive(int index)
    {
        ref Progress connection = ref _connections[index];
        int count = Native.DiscardNow(connection.Handle, ReceiveSize);
        (int messages, connection.Received) = Math.DivRem(connection.Received + count, _size);
        connection.Owed += (long)messages * _size;
        return messages;
    }

    private void Send(int index)
    {
        ref Progress connection = ref _connections[index];
        bool full = false;
        while (connection.Owed > 0 && !full)
        {
            // A single message goes on where it was cut off; in a batch it does not matter where one ends.
            int start = _data.Length == _size ? connection.Sent : 0;
            int length = (int)Math.Min(_data.Length - start, connection.Owed);
            int count = Native.SendNow(connection.Handle, _data.AsSpan(start, length));
            full = count == 0;
            connection.Owed -= count;
            connection.Sent = (connection.Sent + count) % _size;
        }

        if (full != connection.IsFull)
        {
            connection.IsFull = full;
            _poll.Watch(connection.Handle, index, readable: true, writable: full);
        }
    }

    private struct Progress
    {
        public int Handle;
        public int Received;
        public int Sent;
        public long Owed;
        public bool IsFull;
    }
}
