namespace KestrelSocketServer.TestSupport;

/// <summary>The drivers that there are on this system, for tests that prove something of each.</summary>
public static class TestDrivers
{
    public static TheoryData<SocketTransportDriver> All => OperatingSystem.IsLinux()
        ? [SocketTransportDriver.EventLoop, SocketTransportDriver.Socket]
        : [SocketTransportDriver.Socket];
}
