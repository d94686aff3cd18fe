using System.Diagnostics;
using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Sends messages at a fixed rate over many connections, whether or not earlier ones have come back. How long each took counts
/// from when it was due, not from when it was sent: a server that stalls is charged for all that it kept waiting.
/// </summary>
internal sealed class OpenLoopLoad : IDisposable
{
    private const int ReceiveSize = 64 * 1024;
    private static readonly long GraceTicks = 2 * Stopwatch.Frequency;

    private readonly Poll _poll = new();
    private readonly ClientSockets _sockets;
    private readonly Progress[] _connections;
    private readonly byte[] _message;

    public OpenLoopLoad(IPEndPoint server, int connections, int size)
    {
        _message = LoadMessage.Create(size);
        _sockets = new ClientSockets(server, connections);
        _connections = new Progress[connections];
        for (int i = 0; i < connections; i++)
        {
            _connections[i].Handle = _sockets.HandleOf(i);
            _poll.Add(_connections[i].Handle, i);
        }
    }

    /// <summary>Goes on for a time; returns how long each message took. To be called once.</summary>
    public Latencies Run(int perSecond, TimeSpan time)
    {
        long[] ticks = new long[(int)(perSecond * time.TotalSeconds)];
        double interval = (double)Stopwatch.Frequency / perSecond;
        long start = Stopwatch.GetTimestamp();
        long end = start + (long)(ticks.Length * interval) + GraceTicks;
        int sent = 0;
        int received = 0;
        for (long now = start; received < ticks.Length && now < end; now = Stopwatch.GetTimestamp())
        {
            for (; sent < ticks.Length && start + (long)(sent * interval) <= now; sent++)
            {
                Send(sent % _connections.Length, _message.Length);
            }

            int ready = _poll.Wait(0);
            for (int i = 0; i < ready; i++)
            {
                int index = _poll.TagOf(i);
                for (int more = Receive(index); more > 0; more--)
                {
                    ticks[received++] = Stopwatch.GetTimestamp() - start - (long)(TakeNext(index) * interval);
                }

                Send(index, 0);
            }
        }

        // What has not come back by now took as long as it was waited for, or longer.
        for (int index = 0; index < _connections.Length; index++)
        {
            for (long number = TakeNext(index); number < ticks.Length; number = TakeNext(index))
            {
                ticks[received++] = end - start - (long)(number * interval);
            }
        }

        return new Latencies(ticks);
    }

    public void Dispose()
    {
        _sockets.Dispose();
        _poll.Dispose();
    }

    /// <summary>The number of the message that comes back next on a connection; messages go to the connections in turns.</summary>
    private long TakeNext(int index) => index + (_connections[index].Messages++ * _connections.Length);

    private int Receive(int index)
    {
        ref Progress connection = ref _connections[index];
        (int messages, connection.Received) = Math.DivRem(connection.Received + Native.DiscardNow(connection.Handle, ReceiveSize), _message.Length);
        return messages;
    }

    private void Send(int index, int added)
    {
        ref Progress connection = ref _connections[index];
        connection.Owed += added;
        for (int count = 1; connection.Owed > 0 && count > 0; connection.Owed -= count)
        {
            count = Native.SendNow(connection.Handle, _message.AsSpan(0, Math.Min(_message.Length, connection.Owed)));
        }
    }

    private struct Progress
    {
        public int Handle;
        public int Owed;
        public int Received;
        public long Messages;
    }
}
