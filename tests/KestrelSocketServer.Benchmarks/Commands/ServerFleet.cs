namespace KestrelSocketServer.Benchmarks;

/// <summary>A server of each style, all running so that they can be measured in turns.</summary>
internal sealed class ServerFleet : IDisposable
{
    private ServerFleet(IReadOnlyList<ServerProcess> servers) => Servers = servers;

    public IReadOnlyList<ServerProcess> Servers { get; }

    public static ServerFleet Start() => OperatingSystem.IsLinux()
        ? new ServerFleet([.. EchoStyle.All.Select(ServerProcess.Start)])
        : throw new PlatformNotSupportedException("The load is made with epoll: compare, allocations and memory run on Linux only.");

    public void Dispose()
    {
        foreach (ServerProcess server in Servers)
        {
            server.Dispose();
        }
    }
}
