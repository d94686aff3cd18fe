using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Keeps a number of messages under way on each of many connections: each is sent by itself, the next one when one has
/// come back.
/// </summary>
internal sealed unsafe class EchoLoad : ILoad
{
    private const int ReceiveSize = 256 * 1024;

    private readonly Poll _poll = new();
    private readonly Socket[] _sockets;
    private readonly Progress[] _connections;
    private readonly byte[] _message;
    private readonly byte[] _received = new byte[ReceiveSize];

    public EchoLoad(IPEndPoint server, int connections, int size, int depth)
    {
        _message = new byte[size];
        _sockets = new Socket[connections];
        _connections = new Progress[connections];
        for (int i = 0; i < connections; i++)
        {
            _sockets[i] = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _sockets[i].Connect(server);
            _connections[i] = new Progress { Handle = (int)_sockets[i].Handle, Owed = (long)size * depth };
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
        Array.ForEach(_sockets, static socket => socket.Dispose());
        _poll.Dispose();
    }

    private int Receive(int index)
    {
        ref Progress connection = ref _connections[index];
        nint count;
        fixed (byte* buffer = _received)
        {
            count = Native.Receive(connection.Handle, buffer, ReceiveSize, Native.DontWait);
        }

        if (count < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return error == Native.TryAgain ? 0 : throw new Win32Exception(error);
        }

        if (count == 0)
        {
            throw new IOException("The server closed a connection.");
        }

        (int messages, connection.Received) = Math.DivRem(connection.Received + (int)count, _message.Length);
        connection.Owed += (long)messages * _message.Length;
        return messages;
    }

    private void Send(int index)
    {
        ref Progress connection = ref _connections[index];
        bool full = false;
        fixed (byte* message = _message)
        {
            while (connection.Owed > 0 && !full)
            {
                int length = _message.Length - connection.Sent;
                nint count = Native.Send(connection.Handle, message + connection.Sent, (nuint)length, Native.DontWait | Native.NoSignal);
                full = count < 0 && Marshal.GetLastPInvokeError() == Native.TryAgain;
                if (count < 0 && !full)
                {
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                }

                if (!full)
                {
                    connection.Owed -= count;
                    connection.Sent = (connection.Sent + (int)count) % _message.Length;
                }
            }
        }

        if (full != connection.IsFull)
        {
            connection.IsFull = full;
            _poll.Watch(connection.Handle, index, writable: full);
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
