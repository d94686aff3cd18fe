namespace KestrelSocketServer.FunctionalTests.Samples;

/// <summary>How long a process may take for anything: far longer than it does, so that only a hang reaches it.</summary>
internal static class TestTimeout
{
    public static TimeSpan Value { get; } = TimeSpan.FromSeconds(60);
}
