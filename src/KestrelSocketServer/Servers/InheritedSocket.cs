using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>Opens a socket by its descriptor. That stays its owner's; ours is a copy, which can be closed and opened again.</summary>
internal static partial class InheritedSocket
{
    private const int CopyCommand = 0;
    private const int ReadFlagsCommand = 1;
    private const int CopyClosedOnExecCommand = 1030;
    private const int ClosedOnExec = 1;

    private static readonly Lock Copying = new();
    private static int _next;

    /// <exception cref="SocketException">It is no socket, or there is no descriptor left for the copy.</exception>
    public static Socket Open(FileHandleEndPoint inherited)
    {
        // Windows has no copies within a process.
        var handle = OperatingSystem.IsWindows()
            ? new SafeSocketHandle((nint)inherited.FileHandle, ownsHandle: false)
            : new SafeSocketHandle(Copy((int)inherited.FileHandle), ownsHandle: true);
        try
        {
            return new Socket(handle);
        }
        catch
        {
            // Thrown on, once the copy is closed.
            handle.Dispose();
            throw;
        }
    }

    private static int Copy(int descriptor)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Check(Duplicate(descriptor));
        }

        // Closed on exec where the original is: .NET takes that as a sign that no other process has the socket, and may disconnect it
        // when it closes the copy.
        int command = (Control(descriptor, ReadFlagsCommand, 0) & ClosedOnExec) == 0 ? CopyCommand : CopyClosedOnExecCommand;
        lock (Copying)
        {
            // With a number that no copy had before: what polls for .NET remembers those of closed copies as long as the original is
            // open, and refuses them.
            int copy = Control(descriptor, command, _next);
            if (copy < 0)
            {
                // All numbers were used.
                copy = Check(Control(descriptor, command, 0));
            }

            _next = copy + 1;
            return copy;
        }
    }

    private static int Check(int copy) => copy >= 0 ? copy : throw new SocketException(
        (int)(Marshal.GetLastPInvokeError() is 23 or 24 ? SocketError.TooManyOpenSockets : SocketError.NotSocket));

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static partial int Duplicate(int descriptor);
}
