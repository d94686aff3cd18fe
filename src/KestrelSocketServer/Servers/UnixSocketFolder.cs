using KestrelSocketServer.Transport.EventLoops;

namespace KestrelSocketServer.Servers;

/// <summary>
/// Keeps servers that start at the same time from replacing each other's sockets: each binds and listens while it holds its folder.
/// </summary>
internal static class UnixSocketFolder
{
    private const int Exclusive = 2;
    private const int WithoutWaiting = 4;
    private const int Attempts = 100;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Holds the folder of a path until it is disposed of; null where the folder cannot be held.</summary>
    public static IDisposable? Hold(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        int opened = Libc.Open(Path.GetDirectoryName(path)!, Libc.CloseOnExec);
        if (opened < 0)
        {
            return null;
        }

        var folder = new SafeFileDescriptor(opened);
        for (int i = 0; i < Attempts; i++)
        {
            if (Libc.Lock(folder, Exclusive | WithoutWaiting) == 0)
            {
                return folder;
            }

            // It takes others no longer than to bind a socket; nobody may keep the application from starting.
            Thread.Sleep(Pause);
        }

        folder.Dispose();
        return null;
    }
}
