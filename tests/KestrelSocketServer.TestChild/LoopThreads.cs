namespace KestrelSocketServer.TestChild;

/// <summary>The threads of this process that belong to event loops, by their names.</summary>
internal static class LoopThreads
{
    // What the system keeps of the name.
    private const string Name = "Socket event lo";

    public static int Count => Directory.EnumerateDirectories("/proc/self/task").Count(IsLoopThread);

    private static bool IsLoopThread(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm")).TrimEnd() == Name;
        }
        catch (IOException)
        {
            // It has ended.
            return false;
        }
    }
}
