using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Connects, has one message echoed and closes, over and over, some connections at a time.</summary>
internal sealed class ConnectLoad(IPEndPoint server, int atATime, int size) : ILoad
{
    private readonly Socket[] _sockets = new Socket[atATime];
    private readonly byte[] _message = new byte[size];

    public long Run(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        long messages = 0;
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            for (int i = 0; i < _sockets.Length; i++)
            {
                _sockets[i] = ClientSockets.Connect(server);
                _sockets[i].Send(_message);
            }

            foreach (Socket socket in _sockets)
            {
                ReceiveMessage(socket);
                socket.Dispose();
            }

            messages += _sockets.Length;
        }

        return messages;
    }

    public void Dispose() => Array.ForEach(_sockets, static socket => socket?.Dispose());

    private void ReceiveMessage(Socket socket)
    {
        int received = 0;
        while (received < _message.Length)
        {
            int count = socket.Receive(_message.AsSpan(received));
            received += count > 0 ? count : throw new IOException("The server closed a connection.");
        }
    }
}
