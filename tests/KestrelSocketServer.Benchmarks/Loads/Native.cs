using System.Runtime.InteropServices;

namespace KestrelSocketServer.Benchmarks;

/// <summary>The calls of Linux that the load is made with: it must cost less than any server.</summary>
internal static unsafe partial class Native
{
    public const int TryAgain = 11;
    public const int DontWait = 0x40;
    public const int NoSignal = 0x4000;
    public const int CloseOnExec = 0x80000;

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int CreatePoll(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int ControlPoll(int poll, int operation, int socket, int* item);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int WaitPoll(int poll, int* items, int count, int timeout);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int handle);
}
