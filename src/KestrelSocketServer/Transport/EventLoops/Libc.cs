using System.Runtime.InteropServices;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>The system calls of the library's own, as glibc and musl have them.</summary>
/// <remarks>Each says what becomes of it when it fails once. What hands a descriptor out starts nothing when it fails.</remarks>
internal static unsafe partial class Libc
{
    public const int CloseOnExec = 0x80000;
    public const int NonBlocking = 0x800;
    public const int AddOperation = 1;
    public const int DeleteOperation = 2;
    public const int ModifyOperation = 3;
    public const int DontWait = 0x40;
    public const int NoSignal = 0x4000;
    public const int Discard = 0x20;
    public const int ShutdownWrite = 1;
    public const int SocketLevel = 1;
    public const int ErrorOption = 4;
    public const int LingerOption = 13;
    public const int UnacknowledgedRequest = 0x5411;
    public const int UnreadRequest = 0x541B;
    private const int NumberOfFiles = 7;

    /// <remarks>The start fails and says so; nothing stays bound.</remarks>
    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int CreatePoll(int flags);

    /// <remarks>
    /// At the start: the start fails and says so. For a connection: it ends with the error. For an acceptor: accepting fails, is told,
    /// and is tried again. When a descriptor is taken out, it is tried a second time.
    /// </remarks>
    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int ControlPoll(SafeHandle poll, int operation, SafeHandle socket, byte* item);

    /// <remarks>The loop waits again.</remarks>
    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int WaitPoll(SafeHandle poll, byte* items, int count, int milliseconds);

    /// <remarks>
    /// At the start: the start fails and says so. Before a thread is started: there is none, and the loop goes on with those that there
    /// are.
    /// </remarks>
    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int CreateEvent(uint value, int flags);

    /// <remarks>The event stays readable: the loop comes back to it.</remarks>
    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle handle, void* buffer, nuint count);

    /// <remarks>Tried again; if that does not help, whoever wakes the loop next tries again.</remarks>
    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle handle, void* buffer, nuint count);

    /// <remarks>
    /// Nobody there, interrupted, or a client that has left: the loop waits for the next. Anything else is told, and accepting goes on
    /// after a moment.
    /// </remarks>
    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(SafeHandle socket, byte* address, uint* length, int flags);

    /// <remarks>Interrupted or nothing there: the loop waits. Anything else ends the connection with the error.</remarks>
    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(SafeHandle socket, byte* buffer, nuint length, int flags);

    /// <remarks>Interrupted or no room: the loop waits. Anything else ends the connection with the error.</remarks>
    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(SafeHandle socket, byte* buffer, nuint length, int flags);

    /// <remarks>A refused client may have sent something that stays unread: it sees a reset.</remarks>
    [LibraryImport("libc", EntryPoint = "recv")]
    public static partial nint Receive(int socket, byte* buffer, nuint length, int flags);

    /// <remarks>A refused client is not told why.</remarks>
    [LibraryImport("libc", EntryPoint = "send")]
    public static partial nint Send(int socket, byte* buffer, nuint length, int flags);

    /// <remarks>As <see cref="Send(SafeHandle, byte*, nuint, int)"/>.</remarks>
    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);

    /// <remarks>
    /// Where the peer has left already there is nothing to end. Anything else ends the connection with the error, as the peer would
    /// wait for ever.
    /// </remarks>
    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(SafeHandle socket, int how);

    /// <remarks>The connection ends with this error rather than with its own.</remarks>
    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(SafeHandle socket, int level, int option, void* value, uint* length);

    /// <remarks>The peer sees an end instead of a reset.</remarks>
    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(SafeHandle socket, int level, int option, void* value, uint length);

    /// <remarks>A refused client sees an end instead of a reset.</remarks>
    [LibraryImport("libc", EntryPoint = "setsockopt")]
    public static partial int SetOption(int socket, int level, int option, void* value, uint length);

    /// <remarks>The local address of the connection is not known.</remarks>
    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetName(SafeHandle socket, byte* address, uint* length);

    /// <remarks>Counts as nothing unacknowledged: what is unread is dropped for a second, and no longer.</remarks>
    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(SafeHandle socket, nuint request, int* value);

    /// <remarks>Never tried again: the descriptor is closed in any case, and may be somebody else's by now.</remarks>
    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(nint handle);

    /// <summary>Fills <c>struct timespec</c>: seconds and nanoseconds.</summary>
    /// <remarks>The thread's time is not known: it does not count as held up by the system.</remarks>
    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    public static partial int GetTime(int clock, nint* time);

    /// <remarks>The monitor looks too early.</remarks>
    [LibraryImport("libc", EntryPoint = "usleep")]
    public static partial int Sleep(uint microseconds);

    /// <remarks>The endpoint does not listen, with a message for the error; nothing stays bound.</remarks>
    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(SafeHandle socket, byte* address, uint length);

    /// <summary>How many descriptors the process may have at the moment.</summary>
    public static int ReadDescriptorLimit()
    {
        // struct rlimit: the limit in force and the highest that may be set.
        ulong* limit = stackalloc ulong[2];
        return GetLimit(NumberOfFiles, limit) == 0 ? (int)Math.Min(*limit, int.MaxValue) : int.MaxValue;
    }

    /// <remarks>The folder is not locked: the socket's file is replaced all the same.</remarks>
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    /// <remarks>Tried again for a moment, then as for <see cref="Open"/>.</remarks>
    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(SafeHandle file, int operation);

    /// <summary>Fills <c>struct statx</c>.</summary>
    /// <remarks>What the file is remains unknown: it is not replaced, and not removed.</remarks>
    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GetStatus(int folder, string path, int flags, uint mask, byte* status);

    /// <remarks>For a copy: the endpoint does not listen, with a message. For the flags: they stay as they are.</remarks>
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int ControlDescriptor(int descriptor, int command, int argument);

    /// <remarks>As for <see cref="ControlDescriptor"/>.</remarks>
    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    public static partial int Duplicate(int descriptor);

    /// <remarks>The copy of an inherited socket is closed by .NET, which leaves the original alone unless an accept runs just then.</remarks>
    [LibraryImport("libc", EntryPoint = "dup3", SetLastError = true)]
    public static partial int Replace(SafeHandle by, SafeHandle descriptor, int flags);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, ulong* limit);

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
