namespace KestrelSocketServer.Benchmarks;

/// <summary>A client that keeps an echo server busy from the calling thread.</summary>
internal interface ILoad : IDisposable
{
    /// <summary>Goes on for a time; returns how many messages came back.</summary>
    long Run(TimeSpan time);
}
