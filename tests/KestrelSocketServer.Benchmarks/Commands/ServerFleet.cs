namespace KestrelSocketServer.Benchmarks;

/// <summary>A server of each style, all running so that they can be measured in turns.</summary>
internal sealed class ServerFleet : IDisposable
{
    public IReadOnlyList<ServerProcess> Servers { get; } = [.. EchoStyle.All.Select(ServerProcess.Start)];

    public void Dispose()
    {
        foreach (ServerProcess server in Servers)
        {
            server.Dispose();
        }
    }
}
