using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KestrelSocketServer.TestChild;

/// <summary>The descriptors of this process, all of which can be used up.</summary>
internal static partial class Descriptors
{
    private const int NumberOfFiles = 7;
    private const ulong Limit = 512;
    private const int Threads = 8;

    private static readonly List<SafeFileHandle> Taken = [];

    public static bool AreUsedUp { get; private set; }

    // The runtime needs descriptors for a moment to start a thread, and gives up the process when it finds none.
    public static async Task StartThreadsAsync()
    {
        ThreadPool.SetMinThreads(Threads, Threads);
        ThreadPool.SetMaxThreads(Threads, Threads);
        using var all = new Barrier(Threads);
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Run(() => all.SignalAndWait(TimeSpan.FromSeconds(10)))));

        // The thread of the timers is started with the first of them.
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        await timer.WaitForNextTickAsync();
    }

    /// <param name="left">How many are left: what is left to the process itself, which needs some for a moment to start a thread.</param>
    public static void Fill(int left = 0)
    {
        var limit = new ResourceLimit { Current = Limit, Maximum = Limit };
        if (SetResourceLimit(NumberOfFiles, in limit) != 0)
        {
            throw new InvalidOperationException($"setrlimit: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // What nobody refers to any more would be closed at some time later.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        try
        {
            while (true)
            {
                Taken.Add(File.OpenHandle("/dev/null"));
            }
        }
        catch (IOException)
        {
            AreUsedUp = true;
        }

        for (; left > 0; left--)
        {
            Taken[^1].Dispose();
            Taken.RemoveAt(Taken.Count - 1);
        }
    }

    public static void Free()
    {
        AreUsedUp = false;
        Taken.ForEach(handle => handle.Dispose());
        Taken.Clear();
    }

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetResourceLimit(int resource, in ResourceLimit limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Current;
        public ulong Maximum;
    }
}
