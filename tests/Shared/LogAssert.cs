using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.TestSupport;

public static class LogAssert
{
    /// <summary>Nothing was logged at Warning or above.</summary>
    public static void NoWarnings(FakeLogCollector logs)
        => Assert.DoesNotContain(logs.GetSnapshot(), record => record.Level >= LogLevel.Warning);
}
