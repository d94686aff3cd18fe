namespace KestrelSocketServer.TestSupport;

/// <summary>The drivers that there are on this system, for tests that prove something of each.</summary>
public static class TestDrivers
{
    private static readonly SocketTransportDriver[] Known = OperatingSystem.IsLinux()
        ? [SocketTransportDriver.EventLoop, SocketTransportDriver.Socket]
        : [SocketTransportDriver.Socket];

    public static TheoryData<SocketTransportDriver> All => [.. Known];

    /// <summary>Each driver with each of some values.</summary>
    public static TheoryData<SocketTransportDriver, T> With<T>(params T[] values)
    {
        var data = new TheoryData<SocketTransportDriver, T>();
        foreach (SocketTransportDriver driver in Known)
        {
            foreach (T value in values)
            {
                data.Add(driver, value);
            }
        }

        return data;
    }
}
