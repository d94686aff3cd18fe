using System.ComponentModel;
using System.Net.Sockets;
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

    // MSG_TRUNC
    private const int Discard = 0x20;
    private const int StreamType = 1;
    private const int IPLevel = 0;
    private const int BindAddressNoPort = 24;

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

    /// <summary>A socket that is connected to a server, from an address and any port of it; its calls block unless told otherwise.</summary>
    public static int Connect(ReadOnlySpan<byte> from, ReadOnlySpan<byte> server)
    {
        int socket = Check(CreateSocket((int)ProtocolFamily.InterNetwork, StreamType | CloseOnExec, 0));
        int yes = 1;
        Check(SetOption(socket, IPLevel, BindAddressNoPort, &yes, sizeof(int)));
        fixed (byte* address = from)
        {
            Check(Bind(socket, address, (uint)from.Length));
        }

        fixed (byte* address = server)
        {
            Check(Connect(socket, address, (uint)server.Length));
        }

        return socket;
    }

    /// <summary>Connects as above, to a server that may have refused by now.</summary>
    public static int TryConnect(ReadOnlySpan<byte> from, ReadOnlySpan<byte> server)
    {
        int socket = Check(CreateSocket((int)ProtocolFamily.InterNetwork, StreamType | CloseOnExec, 0));
        int yes = 1;
        Check(SetOption(socket, IPLevel, BindAddressNoPort, &yes, sizeof(int)));
        fixed (byte* address = from)
        {
            Check(Bind(socket, address, (uint)from.Length));
        }

        fixed (byte* address = server)
        {
            _ = Connect(socket, address, (uint)server.Length);
        }

        return socket;
    }

    /// <summary>Waits for the server to end a connection, however it does, and closes it.</summary>
    public static void WaitForEnd(int socket)
    {
        byte received;
        _ = Receive(socket, &received, 1, 0);
        _ = Close(socket);
    }

    /// <summary>Waits for data and receives it.</summary>
    /// <exception cref="IOException">The server closed the connection.</exception>
    public static int Receive(int socket, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            int count = Check((int)Receive(socket, start, (nuint)buffer.Length, 0));
            return count > 0 ? count : throw new IOException("The server closed a connection.");
        }
    }

    /// <summary>Lets a thread run on the cores of the mask alone.</summary>
    public static void Pin(int thread, ulong cores)
    {
        if (SetAffinity(thread, sizeof(ulong), &cores) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>
    /// Takes what is there off the socket without copying it, so that the load is not the slower part; returns how much that was, 0
    /// when nothing is there.
    /// </summary>
    /// <exception cref="IOException">The server closed the connection.</exception>
    public static int DiscardNow(int socket, int most)
    {
        nint count = Receive(socket, null, (nuint)most, DontWait | Discard);
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

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int socket, int level, int option, int* value, uint length);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int thread, nuint size, ulong* cores);

    private static int Check(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());
}
