using System.Buffers;

namespace KestrelSocketServer;

/// <summary>What all connections of a transport have in common.</summary>
internal sealed record TransportSettings(MemoryPool<byte> MemoryPool, TimeProvider TimeProvider, bool RunHandlersOnThreadPool)
{
    /// <summary>How long a connection that has ended waits for the end of its peer.</summary>
    public TimeSpan LingerTime { get; } = TimeSpan.FromSeconds(1);

    /// <summary>How long it waits while the peer has not acknowledged everything.</summary>
    public TimeSpan LongestLingerTime { get; } = TimeSpan.FromSeconds(30);
}
