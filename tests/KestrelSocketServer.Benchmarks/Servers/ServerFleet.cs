namespace KestrelSocketServer.Benchmarks;

/// <summary>Servers that all run, each in its process, so that they can be measured in turns.</summary>
internal sealed class ServerFleet : IDisposable
{
    private readonly List<MeasuredServer> _servers = [];

    public ServerFleet(Cores cores, IEnumerable<ServerKind> kinds)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("The load is made with epoll: only the benchmarks of BenchmarkDotNet run anywhere but on Linux.");
        }

        foreach (ServerKind kind in kinds)
        {
            _servers.Add(new MeasuredServer(kind, ServerProcess.Start(cores, EchoServer.Verb, kind.Name)));
        }
    }

    public IReadOnlyList<MeasuredServer> Servers => _servers;

    public void Dispose()
    {
        foreach (MeasuredServer server in _servers)
        {
            server.Process.Dispose();
        }
    }
}
