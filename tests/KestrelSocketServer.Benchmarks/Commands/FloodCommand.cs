using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Tells how long messages of established connections take: alone, beside connects to a port where nobody listens, which is what the load
/// itself costs, and beside as many connects that the server refuses.
/// </summary>
internal static class FloodCommand
{
    private const string Usage = "flood [--driver EventLoop|Socket] [--rate MESSAGES_PER_SECOND] [--connects PER_SECOND] [--seconds N] [--rounds N] [--unpinned]";
    private const int Connections = 64;
    private const int Size = 32;
    private static readonly double[] Shares = [0.5, 0.99];

    public static void Run(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        SocketTransportDriver driver = line.TakeName("--driver", SocketTransportDriver.EventLoop);
        int rate = line.TakeNumber("--rate", 10_000);
        int connects = line.TakeNumber("--connects", int.MaxValue);
        TimeSpan time = line.TakeSeconds("--seconds", 10);
        int rounds = line.TakeNumber("--rounds", 3);
        var cores = new Cores(pinned: !line.TakeFlag("--unpinned"));
        line.End();

        using ServerProcess server = ServerProcess.Start(cores, GateServer.Verb, driver.ToString());
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        cores.PinLoad();
        IPEndPoint endPoint = server.EndPoints[1];
        (string Name, IPEndPoint? Flooded)[] loads =
            [("alone", null), ("beside connects to a closed port", (IPEndPoint)closed.LocalEndPoint!), ("beside refused connects", endPoint)];
        Measure(endPoint, endPoint, rate, connects, TimeSpan.FromSeconds(2));
        Console.WriteLine(
            $"{cores.Description}; driver {driver}; {rate:N0} messages/s over {Connections} connections; {rounds} rounds of {time.TotalSeconds} s");
        Console.WriteLine();
        Console.WriteLine("Microseconds from when a message was due until its echo was there, medians of the rounds (lowest to highest):");
        Console.WriteLine();
        Console.WriteLine("| established connections | p50 | p99 | connects/s |");
        Console.WriteLine("|---|---:|---:|---:|");
        Result[][] measured = [.. Enumerable.Range(0, rounds)
            .Select(_ => loads.Select(load => Measure(endPoint, load.Flooded, rate, connects, time)).ToArray())];
        for (int i = 0; i < loads.Length; i++)
        {
            IEnumerable<string> cells = Shares
                .Select(share => Spread.Of(measured.Select(round => round[i].Latencies.GetMicroseconds(share))))
                .Select(spread => $"{spread.Median:N0} ({spread.Lowest:N0} to {spread.Highest:N0})");
            var flood = Spread.Of(measured.Select(round => round[i].Connects / time.TotalSeconds));
            Console.WriteLine($"| {loads[i].Name} | {string.Join(" | ", cells)} | {flood.Median:N0} |");
        }
    }

    private static Result Measure(IPEndPoint server, IPEndPoint? flooded, int rate, int connects, TimeSpan time)
    {
        using var load = new OpenLoopLoad(server, Connections, Size);
        long made = 0;
        Thread? flood = null;
        if (flooded is not null)
        {
            using var connecting = new FloodLoad(flooded, atATime: 1, connects);
            flood = new Thread(() => made = connecting.Run(time));
            flood.Start();
        }

        Latencies latencies = load.Run(rate, time);
        flood?.Join();
        return new Result(latencies, made);
    }

    private readonly record struct Result(Latencies Latencies, double Connects);
}
