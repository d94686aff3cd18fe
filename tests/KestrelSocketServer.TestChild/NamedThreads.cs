namespace KestrelSocketServer.TestChild;

/// <summary>The threads of this process by their names, of which the system keeps 15 bytes.</summary>
internal static class NamedThreads
{
    public const string EventLoop = "Socket event lo";

    /// <summary>The one that each Kestrel server has.</summary>
    public const string KestrelTimer = "Kestrel Timer";

    public static int Count(string name) => Directory.EnumerateDirectories("/proc/self/task").Count(thread => NameOf(thread) == name);

    private static string? NameOf(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm")).TrimEnd();
        }
        catch (IOException)
        {
            // It has ended.
            return null;
        }
    }
}
