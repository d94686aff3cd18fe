using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>A load and the unit that its messages are told in.</summary>
internal sealed record LoadScenario(string Name, string Unit, double UnitsPerMessage, Func<IPEndPoint, ILoad> Create)
{
    private const int ChunkSize = 64 * 1024;
    private const double MebibytesPerChunk = 1.0 / 16;

    public static LoadScenario PingPong { get; } = PerMessage("ping-pong 64 x 32 B", connections: 64, size: 32, depth: 1);

    public static IReadOnlyList<LoadScenario> All { get; } =
    [
        PingPong,
        PerMessage("1,000 x 1 KiB", connections: 1000, size: 1024, depth: 1),
        PerMessage("16-deep 32 B", connections: 64, size: 32, depth: 16),
        Streaming("stream 64 KiB x 1", connections: 1),
        Streaming("stream 64 KiB x 4", connections: 4),
        new("connect-echo-close", "connections/s", 1, server => new ConnectLoad(server, atATime: 16, size: 32)),
    ];

    private static LoadScenario PerMessage(string name, int connections, int size, int depth)
        => new(name, "messages/s", 1, server => new EchoLoad(server, connections, size, depth));

    private static LoadScenario Streaming(string name, int connections)
        => new(name, "MiB/s", MebibytesPerChunk, server => new EchoLoad(server, connections, ChunkSize, depth: 16));
}
