using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Transport;
using KestrelSocketServer.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Servers;

/// <summary>
/// Opens a socket by its descriptor. That stays its owner's; ours is a copy, which can be closed and opened again. Neither is handed on
/// to processes that the application starts.
/// </summary>
internal static class InheritedSocket
{
    private const int SetFlagsCommand = 2;
    private const int CopyClosedOnExecCommand = 1030;
    private const int ClosedOnExec = 1;

    private static readonly Lock Copying = new();
    private static int _next;
    private static Socket? _nobodys;

    /// <exception cref="SocketException">It is no socket, or there is no descriptor left for the copy.</exception>
    /// <exception cref="IOException">It is a socket that nobody can connect to.</exception>
    public static Socket Open(FileHandleEndPoint inherited)
    {
        int original = (int)inherited.FileHandle;

        // Windows has no copies within a process.
        var handle = OperatingSystem.IsWindows()
            ? new SafeSocketHandle(original, ownsHandle: false)
            : new SafeSocketHandle(Copy(original), ownsHandle: true);
        Socket? socket = null;
        try
        {
            socket = new Socket(handle);
            Check(socket);
            if (OperatingSystem.IsLinux())
            {
                _ = Libc.ControlDescriptor(original, SetFlagsCommand, ClosedOnExec);
            }

            return socket;
        }
        catch
        {
            // Thrown on, once the copy is closed.
            if (socket is not null)
            {
                Close(socket);
            }

            handle.Dispose();
            throw;
        }
    }

    /// <summary>Closes the copy, and nothing but the copy.</summary>
    /// <remarks>
    /// .NET may disconnect what it closes, or have it reset its connections: for a socket that is closed on exec it takes for granted
    /// that nobody shares it. So the copy becomes a socket of nobody's first, in one step, and is closed as that.
    /// </remarks>
    public static void Close(Socket copy)
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = Libc.Replace(_nobodys!.SafeHandle, copy.SafeHandle, Libc.CloseOnExec);
            }
            catch (ObjectDisposedException)
            {
                // Closed already.
            }
        }

        copy.Dispose();
    }

    private static int Copy(int descriptor)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Check(Libc.Duplicate(descriptor));
        }

        lock (Copying)
        {
            // Now, while there is a descriptor for it.
            _nobodys ??= new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

            // With a number that no copy had before: what polls for .NET remembers those of closed copies as long as the original is
            // open, and refuses them.
            int copy = Libc.ControlDescriptor(descriptor, CopyClosedOnExecCommand, _next);
            if (copy < 0)
            {
                // All numbers were used.
                copy = Check(Libc.ControlDescriptor(descriptor, CopyClosedOnExecCommand, 0));
            }

            _next = copy + 1;
            return copy;
        }
    }

    private static int Check(int copy)
        => copy >= 0 ? copy : throw SystemError.ToException(SystemError.FromErrno(Marshal.GetLastPInvokeError()));

    private static void Check(Socket socket)
    {
        if (socket.SocketType == SocketType.Unknown)
        {
            throw SystemError.ToException(SocketError.NotSocket);
        }

        if (socket.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6 or AddressFamily.Unix))
        {
            throw new IOException("it is neither an IP socket nor a Unix socket.");
        }

        if (socket.SocketType != SocketType.Stream)
        {
            throw new IOException($"it is a socket for {Name(socket.SocketType)}, not for streams.");
        }

        if (socket.Connected)
        {
            throw new IOException("it is a connection, not a socket to listen with.");
        }

        // The system would take any free port, or refuse.
        if (EndPointFormatter.Format(socket.LocalEndPoint) is null || socket.LocalEndPoint is IPEndPoint { Port: 0 })
        {
            throw new IOException("it is not bound to an address: whoever passes it on has to bind it first.");
        }
    }

    private static string Name(SocketType type) => type switch
    {
        SocketType.Dgram => "datagrams",
        SocketType.Seqpacket => "sequenced packets",
        _ => "raw packets",
    };
}
