using System.Net.Sockets;
using KestrelSocketServer.Transport.EventLoops;

namespace KestrelSocketServer.Servers;

/// <summary>The file of a bound Unix socket: which one it is, and whether anybody listens on it.</summary>
internal sealed unsafe class UnixSocketFile
{
    private const int CurrentFolder = -100;
    private const int DoNotFollowLinks = 0x100;
    private const uint TypeAndNumber = 0x101;

    // struct statx, the same on all architectures.
    private const int StatusSize = 256;
    private const int ModeOffset = 28;
    private const int NumberOffset = 32;
    private const int DeviceOffset = 136;
    private const int TypeMask = 0xF000;
    private const int SocketType = 0xC000;

    private readonly string _path;
    private readonly int _type;
    private readonly (ulong Device, ulong Number) _identity;

    private UnixSocketFile(string path, byte* status)
    {
        _path = path;
        _type = *(ushort*)(status + ModeOffset) & TypeMask;
        _identity = (*(ulong*)(status + DeviceOffset), *(ulong*)(status + NumberOffset));
    }

    public bool IsSocket => _type == SocketType;

    /// <summary>What is at a path, links not followed; null where there is nothing, or it is not to be seen.</summary>
    public static UnixSocketFile? Find(string path)
    {
        byte* status = stackalloc byte[StatusSize];
        try
        {
            return OperatingSystem.IsLinux() && Libc.GetStatus(CurrentFolder, path, DoNotFollowLinks, TypeAndNumber, status) == 0
                ? new UnixSocketFile(path, status) : null;
        }
        catch (EntryPointNotFoundException)
        {
            // An older musl.
            return null;
        }
    }

    /// <summary>
    /// Removes what a process has left that ended without closing its socket: a socket that refuses connections.
    /// </summary>
    /// <returns>Why it is not removed, null where it was.</returns>
    public static string? TryRemoveStale(string path)
    {
        if (Find(path) is not { } file)
        {
            return OperatingSystem.IsLinux() && !Path.Exists(path) ? null : "the address is already in use.";
        }

        if (!file.IsSocket)
        {
            return "there is a file of that name that is no socket; it is not replaced.";
        }

        SocketError answer = Ask(path);
        if (answer != SocketError.ConnectionRefused)
        {
            return answer == SocketError.AccessDenied
                ? "the address is already in use, by a socket that this process has no right to connect to."
                : "the address is already in use: another socket is listening on it.";
        }

        try
        {
            file.Remove();
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $"nobody listens on the socket that is there, but it cannot be removed: {exception.Message}";
        }
    }

    /// <summary>Removes the file, unless there is another one in its place by now.</summary>
    public void Remove()
    {
        if (Find(_path)?._identity == _identity)
        {
            File.Delete(_path);
        }
    }

    private static SocketError Ask(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return SocketError.Success;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode;
        }
    }
}
