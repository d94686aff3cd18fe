namespace KestrelSocketServer.Benchmarks;

/// <summary>A server inside the process that is measured.</summary>
internal interface IMeasuredServer : IAsyncDisposable
{
    /// <summary>Listens; returns the port, and after it the one with TLS where there is one.</summary>
    Task<IReadOnlyList<int>> StartAsync();
}
