using System.ComponentModel;
using System.Runtime.InteropServices;

namespace KestrelSocketServer.Benchmarks;

/// <summary>The calls of Linux that the load and the limit are made with: they must cost less than any server.</summary>
internal static unsafe partial class Native
{
    public const int TryAgain = 11;
    public const int DontWait = 0x40;
    public const int NonBlocking = 0x800;
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

    public static int Accept(int listener, int flags) => Accept(listener, null, null, flags);

    /// <summary>Lets a thread run on the cores of the mask alone.</summary>
    public static void Pin(int thread, ulong cores)
    {
        if (SetAffinity(thread, sizeof(ulong), &cores) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Receives what is there; 0 when nothing is.</summary>
    /// <exception cref="IOException">The server closed the connection.</exception>
    public static int ReceiveNow(int socket, Span<byte> buffer)
    {
        nint count;
        fixed (byte* start = buffer)
        {
            count = Receive(socket, start, (nuint)buffer.Length, DontWait);
        }

        if (count < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return error == TryAgain ? 0 : throw new Win32Exception(error);
        }

        return count > 0 ? (int)count : throw new IOException("The server closed a connection.");
    }

    /// <summary>Sends what there is room for; 0 when there is none.</summary>
    public static int SendNow(int socket, ReadOnlySpan<byte> data)
    {
        nint count;
        fixed (byte* start = data)
        {
            count = Send(socket, start, (nuint)data.Length, DontWait | NoSignal);
        }

        if (count < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return error == TryAgain ? 0 : throw new Win32Exception(error);
        }

        return (int)count;
    }

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept(int listener, void* address, void* length, int flags);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int thread, nuint size, ulong* cores);
}
