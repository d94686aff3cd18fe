using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>A load and the unit that its messages are told in.</summary>
internal sealed record LoadScenario(string Name, string Unit, double UnitsPerMessage, Func<IPEndPoint, ILoad> Create)
{
    private const int ChunkSize = 64 * 1024;
    private const double MebibytesPerChunk = 1.0 / 16;

    public static LoadScenario PingPong { get; } = PerMessage("ping-pong 64 x 32 B", connections: 64, size: 32, depth: 1);

    public static LoadScenario ConnectEchoClose { get; } =
        new("connect-echo-close", "connections/s", 1, server => new ConnectLoad(server, atATime: 16, size: 32));

    public static IReadOnlyList<LoadScenario> All { get; } =
    [
        PingPong,
        PerMessage("1,000 x 1 KiB", connections: 1000, size: 1024, depth: 1),
        PerMessage("16-deep 32 B", connections: 64, size: 32, depth: 16),
        PerMessage("16-deep 32 B, batched", connections: 64, size: 32, depth: 16, batched: true),
        Streaming("stream 64 KiB x 1", connections: 1),
        Streaming("stream 64 KiB x 4", connections: 4),
        ConnectEchoClose,
        Tls("TLS ping-pong 64 x 32 B", "messages/s", connections: 64, size: 32),
        Tls("TLS ping-pong 16 x 16 KiB", "messages/s", connections: 16, size: 16 * 1024),
        Tls("TLS full handshakes", "handshakes/s", connections: 16, size: 32, reconnects: true),
    ];

    /// <summary>
    /// Whether the server's endpoint with TLS is meant. There the client costs as much as the server or more, and what counts
    /// is the server's own processor time.
    /// </summary>
    public bool UsesTls { get; private init; }

    public static LoadScenario PerMessage(string name, int connections, int size, int depth, bool batched = false)
        => new(name, "messages/s", 1, server => new EchoLoad(server, connections, size, depth, batched));

    public bool FitsTo(ServerKind server) => !UsesTls || server.HasTls;

    public ILoad Start(MeasuredServer server) => Create(UsesTls ? server.TlsEndPoint : server.EndPoint);

    private static LoadScenario Streaming(string name, int connections)
        => new(name, "MiB/s", MebibytesPerChunk, server => new EchoLoad(server, connections, ChunkSize, depth: 16, batched: false));

    private static LoadScenario Tls(string name, string unit, int connections, int size, bool reconnects = false)
        => new(name, unit, 1, server => new TlsLoad(server, connections, size, reconnects)) { UsesTls = true };
}
