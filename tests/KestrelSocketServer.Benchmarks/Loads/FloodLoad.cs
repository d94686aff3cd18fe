using System.Diagnostics;
using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Connects from 250 addresses and waits for the server to end that, over and over, some at a time, at a rate at most: a server that waits
/// for a load polls, which would count as what a connection costs.
/// </summary>
internal sealed class FloodLoad(IPEndPoint server, int atATime, int perSecond = int.MaxValue) : ILoad
{
    /// <summary>Where it comes from.</summary>
    public const string Network = "127.2.0.0/24";

    private const int Addresses = 250;

    private readonly byte[] _from = new IPEndPoint(IPAddress.Loopback, 0).Serialize().Buffer.ToArray();
    private readonly int[] _sockets = new int[atATime];
    private readonly byte[] _server = server.Serialize().Buffer.ToArray();

    public long Run(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        long connections = 0;
        for (TimeSpan elapsed = TimeSpan.Zero; elapsed < time; elapsed = Stopwatch.GetElapsedTime(start))
        {
            if (connections < elapsed.TotalSeconds * perSecond)
            {
                for (int i = 0; i < _sockets.Length; i++)
                {
                    _sockets[i] = Connect(connections++);
                }

                foreach (int socket in _sockets)
                {
                    Native.WaitForEnd(socket);
                }
            }
            else
            {
                // The rest of the load is on the same core.
                Thread.Sleep(1);
            }
        }

        return connections;
    }

    public void Dispose()
    {
    }

    private int Connect(long number)
    {
        // 127.2.0.x
        const int Start = 4;
        (_from[Start + 1], _from[Start + 3]) = (2, (byte)(1 + (number % Addresses)));
        return Native.TryConnect(_from, _server);
    }
}
