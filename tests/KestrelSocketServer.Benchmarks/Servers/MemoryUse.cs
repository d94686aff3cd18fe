namespace KestrelSocketServer.Benchmarks;

/// <summary>The bytes of a process: in live managed objects, and resident in all.</summary>
internal readonly record struct MemoryUse(long Managed, long Resident);
