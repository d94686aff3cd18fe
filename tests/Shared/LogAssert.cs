using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.TestSupport;

public static class LogAssert
{
    /// <summary>
    /// Nothing was logged at Warning or above, apart from a handler that held its event loop: the first message does on a busy machine,
    /// as its code is compiled only then.
    /// </summary>
    public static void NoWarnings(FakeLogCollector logs)
        => Assert.DoesNotContain(logs.GetSnapshot(), record => record.Level >= LogLevel.Warning && record.Id.Name != "HandlerBlocked");
}
