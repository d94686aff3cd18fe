using System.Buffers;

namespace KestrelSocketServer.Transport;

/// <summary>What all connections of a transport have in common.</summary>
internal sealed record TransportSettings(MemoryPool<byte> MemoryPool, TimeProvider TimeProvider, bool RunHandlersOnThreadPool);
