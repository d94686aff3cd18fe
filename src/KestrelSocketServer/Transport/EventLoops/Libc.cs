using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KestrelSocketServer;

/// <summary>The system calls of the event loop, as glibc and musl have them.</summary>
internal static unsafe partial class Libc
{
    public const int InterruptedError = 4;
    public const int CloseOnExec = 0x80000;
    public const int NonBlocking = 0x800;
    public const int AddOperation = 1;
    public const int DeleteOperation = 2;
    public const int ModifyOperation = 3;
    public const int DontWait = 0x40;
    public const int NoSignal = 0x4000;
    public const int ShutdownWrite = 1;
    public const int SocketLevel = 1;
    public const int ErrorOption = 4;
    public const int LingerOption = 13;
    public const int UnacknowledgedRequest = 0x5411;
    public const int UnreadRequest = 0x541B;

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int CreatePoll(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int ControlPoll(SafeHandle poll, int operation, SafeHandle socket, byte* item);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int WaitPoll(SafeHandle poll, byte* items, int count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int CreateEvent(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle handle, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle handle, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(SafeHandle socket, byte* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(SafeHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(SafeHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(SafeHandle socket, int how);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(SafeHandle socket, int level, int option, void* value, uint* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(SafeHandle socket, int level, int option, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetName(SafeHandle socket, byte* address, uint* length);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(SafeHandle socket, nuint request, int* value);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(nint handle);

    /// <summary>Fills <c>struct timespec</c>: seconds and nanoseconds.</summary>
    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    public static partial int GetTime(int clock, nint* time);

    [LibraryImport("libc", EntryPoint = "usleep")]
    public static partial int Sleep(uint microseconds);

    /// <summary>The error of the last call on this thread.</summary>
    public static SocketError LastError => ToSocketError(Marshal.GetLastPInvokeError());

    public static SocketError ToSocketError(int error) => error switch
    {
        4 or 11 => SocketError.WouldBlock,
        9 or 22 => SocketError.OperationAborted,
        12 or 105 => SocketError.NoBufferSpaceAvailable,
        13 or 1 => SocketError.AccessDenied,
        23 or 24 => SocketError.TooManyOpenSockets,
        32 => SocketError.Shutdown,
        100 => SocketError.NetworkDown,
        101 => SocketError.NetworkUnreachable,
        103 => SocketError.ConnectionAborted,
        104 => SocketError.ConnectionReset,
        107 => SocketError.NotConnected,
        110 => SocketError.TimedOut,
        111 => SocketError.ConnectionRefused,
        113 => SocketError.HostUnreachable,
        _ => SocketError.SocketError,
    };

    /// <summary>A part of what <see cref="SendMessage"/> sends: <c>iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Buffer
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>msghdr</c> as the kernel reads it; musl's narrower fields leave the upper halves zero.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public byte* Name;
        public nuint NameLength;
        public Buffer* Buffers;
        public nuint BufferCount;
        public byte* Control;
        public nuint ControlLength;
        public nuint Flags;
    }
}
