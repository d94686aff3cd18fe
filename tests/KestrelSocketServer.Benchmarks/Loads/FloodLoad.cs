using System.Diagnostics;
using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Connects from 250 addresses and waits for the server to end it, over and over, at a rate at most.</summary>
internal sealed class FloodLoad(IPEndPoint server, int perSecond = int.MaxValue) : ILoad
{
    /// <summary>Where it comes from.</summary>
    public const string Network = "127.2.0.0/24";

    private const int Addresses = 250;

    private readonly byte[] _from = new IPEndPoint(IPAddress.Loopback, 0).Serialize().Buffer.ToArray();
    private readonly byte[] _server = server.Serialize().Buffer.ToArray();

    public long Run(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        long connections = 0;
        for (TimeSpan elapsed = TimeSpan.Zero; elapsed < time; elapsed = Stopwatch.GetElapsedTime(start))
        {
            if (connections < elapsed.TotalSeconds * perSecond)
            {
                // 127.2.0.x
                const int Start = 4;
                (_from[Start + 1], _from[Start + 3]) = (2, (byte)(1 + (connections++ % Addresses)));
                Native.ConnectUntilEnd(_from, _server);
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
}
