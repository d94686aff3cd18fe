using System.Diagnostics;
using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Connects, has one message echoed and closes, over and over, some connections at a time. They come from many addresses: those that
/// were closed keep their ports for a minute, and the search for a free one would cost more than all the rest.
/// </summary>
internal sealed class ConnectLoad(IPEndPoint server, int atATime, int size) : ILoad
{
    private const int Addresses = 1 << 16;

    private static int s_connections;

    private readonly byte[] _from = new IPEndPoint(IPAddress.Loopback, 0).Serialize().Buffer.ToArray();
    private readonly byte[] _server = server.Serialize().Buffer.ToArray();
    private readonly int[] _sockets = new int[atATime];
    private readonly byte[] _message = LoadMessage.Create(size);

    public long Run(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        long messages = 0;
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            for (int i = 0; i < _sockets.Length; i++)
            {
                _sockets[i] = Connect();
                Native.SendNow(_sockets[i], _message);
            }

            foreach (int socket in _sockets)
            {
                ReceiveMessage(socket);
                _ = Native.Close(socket);
            }

            messages += _sockets.Length;
        }

        return messages;
    }

    public void Dispose()
    {
    }

    private int Connect()
    {
        // 127.1.x.y
        const int Start = 4;
        int address = s_connections++ % Addresses;
        (_from[Start + 1], _from[Start + 2], _from[Start + 3]) = (1, (byte)(address >> 8), (byte)address);
        return Native.Connect(_from, _server);
    }

    private void ReceiveMessage(int socket)
    {
        int received = 0;
        while (received < _message.Length)
        {
            received += Native.Receive(socket, _message.AsSpan(received));
        }
    }
}
