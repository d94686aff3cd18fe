using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Transport;
using KestrelSocketServer.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Servers;

/// <summary>Makes the listening socket of an endpoint.</summary>
internal static class ListeningSocket
{
    private const int AddressInUse = 98;
    private const int SocketLevel = 1;
    private const int ReuseAddressOption = 2;
    private const int TcpLevel = 6;
    private const int UserTimeoutOption = 18;

    // What was bound by these sockets; .NET would remove whatever is in its place by then.
    private static readonly ConditionalWeakTable<Socket, UnixSocketFile> Files = new();

    /// <param name="name">The name of the endpoint.</param>
    /// <param name="address">Its address.</param>
    /// <param name="options">The options of the socket.</param>
    /// <param name="logger">Told of a file that is replaced.</param>
    /// <param name="isShared">Whether other sockets of the endpoint are to listen on the same port.</param>
    /// <param name="first">What the first of them listens on, null for that one itself.</param>
    /// <exception cref="IOException">The address cannot be listened on (row A13); nothing stays bound.</exception>
    public static Socket Bind(
        string name, ListenAddress address, SocketListenerOptions options, ILogger logger, bool isShared, EndPoint? first = null)
    {
        EndPoint endPoint = first ?? address.EndPoint;
        using IDisposable? folder = endPoint is UnixDomainSocketEndPoint ? UnixSocketFolder.Hold(endPoint.ToString()!) : null;
        Socket? socket = null;
        try
        {
            socket = Create(endPoint);
            if (endPoint is IPEndPoint ip)
            {
                ConfigureBinding(socket, ip, options, options.ReusePort || first is not null);
            }

            if (endPoint is not FileHandleEndPoint)
            {
                socket = Bind(socket, endPoint, name, logger);
            }

            Configure(socket, options);
            if (isShared && first is null)
            {
                // Not before it listens: so the port is in use for others that listen on it, this program started twice among them.
                SetReusePort(socket);
            }

            return socket;
        }
        catch (Exception exception) when (exception is SocketException or IOException or PlatformNotSupportedException or UnauthorizedAccessException)
        {
            if (socket is not null)
            {
                Release(socket, address);
            }

            string reason = exception is SocketException refused ? ListenErrors.Explain(refused, endPoint) : exception.Message;
            throw new IOException($"Endpoint '{name}' cannot listen on {address}: {reason}", exception.InnerException as SocketException ?? exception);
        }
    }

    /// <summary>Stops listening at once; the address can be listened on again.</summary>
    public static void Close(Socket socket, ListenAddress address)
    {
        // A process that is being started holds a copy of every descriptor for a moment, so that closing ours alone would
        // leave the socket listening. An inherited one is not ours to shut down: whoever passed it on may go on with it.
        if (address.EndPoint is not FileHandleEndPoint)
        {
            try
            {
                socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // Not every operating system knows it for listening sockets; closed already.
            }
        }

        Release(socket, address);
    }

    /// <summary>Sets what can be set while it listens; sockets that are accepted from then on inherit it.</summary>
    public static void Configure(Socket socket, SocketListenerOptions options)
    {
        if (socket.LocalEndPoint is IPEndPoint)
        {
            socket.NoDelay = options.NoDelay;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, options.KeepAliveTime is not null);
            SetKeepAlive(socket, SocketOptionName.TcpKeepAliveTime, (int?)options.KeepAliveTime?.TotalSeconds);
            SetKeepAlive(socket, SocketOptionName.TcpKeepAliveInterval, (int?)options.KeepAliveInterval?.TotalSeconds);
            SetKeepAlive(socket, SocketOptionName.TcpKeepAliveRetryCount, options.KeepAliveRetryCount);
            if (OperatingSystem.IsLinux())
            {
                // Zero is the system's own.
                double milliseconds = Math.Min(options.UserTimeout?.TotalMilliseconds ?? 0, int.MaxValue);
                socket.SetRawSocketOption(TcpLevel, UserTimeoutOption, BitConverter.GetBytes((int)milliseconds));
            }
        }

        socket.Listen(options.Backlog);
    }

    private static void Release(Socket socket, ListenAddress address)
    {
        if (address.EndPoint is FileHandleEndPoint)
        {
            InheritedSocket.Close(socket);
            return;
        }

        if (Files.TryGetValue(socket, out UnixSocketFile? file))
        {
            RemoveFile(file);
            Files.Remove(socket);
        }

        socket.Dispose();
    }

    private static void RemoveFile(UnixSocketFile file)
    {
        try
        {
            file.Remove();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It stays, and whoever listens there next replaces it.
        }
    }

    // By the system's own call where that is known: .NET has one name for several of its errors, and none for others.
    private static Socket Bind(Socket socket, EndPoint endPoint, string name, ILogger logger)
    {
        if (!OperatingSystem.IsLinux())
        {
            socket.Bind(endPoint);
            return socket;
        }

        int errno = TryBind(socket, endPoint);
        if (errno == AddressInUse && endPoint is UnixDomainSocketEndPoint)
        {
            string path = endPoint.ToString()!;
            if (UnixSocketFile.TryRemoveStale(path) is { } reason)
            {
                throw new IOException(reason, SystemError.ToException(SocketError.AddressAlreadyInUse));
            }

            errno = TryBind(socket, endPoint);
            logger.StaleSocketReplaced(name, path);
        }

        if (errno != 0)
        {
            throw new IOException(ListenErrors.Explain(errno, endPoint), SystemError.ToException(SystemError.FromErrno(errno)));
        }

        // .NET learns of it by another object for the same handle.
#pragma warning disable CA1816 // The handle is not that object's any more.
        GC.SuppressFinalize(socket);
#pragma warning restore CA1816
        var bound = new Socket(socket.SafeHandle);
        if (endPoint is UnixDomainSocketEndPoint && UnixSocketFile.Find(endPoint.ToString()!) is { } file)
        {
            Files.Add(bound, file);
        }

        return bound;
    }

    private static unsafe int TryBind(Socket socket, EndPoint endPoint)
    {
        SocketAddress address = endPoint.Serialize();
        fixed (byte* start = address.Buffer.Span)
        {
            return Libc.Bind(socket.SafeHandle, start, (uint)address.Size) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    private static Socket Create(EndPoint endPoint) => endPoint switch
    {
        FileHandleEndPoint handle => InheritedSocket.Open(handle),
        UnixDomainSocketEndPoint => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
        _ => new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp),
    };

    private static void ConfigureBinding(Socket socket, IPEndPoint endPoint, SocketListenerOptions options, bool reusePort)
    {
        if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any) && !options.IPv6Only;
        }

        if (OperatingSystem.IsLinux())
        {
            // As .NET does when it binds: connections of earlier times do not keep the port.
            socket.SetRawSocketOption(SocketLevel, ReuseAddressOption, BitConverter.GetBytes(1));
        }

        if (reusePort)
        {
            SetReusePort(socket);
        }
    }

    private static void SetKeepAlive(Socket socket, SocketOptionName option, int? value)
    {
        if (value is not null)
        {
            socket.SetSocketOption(SocketOptionLevel.Tcp, option, value.Value);
        }
    }

    // .NET has no name for SO_REUSEPORT: its ReuseAddress would set it unasked, on Linux together with SO_REUSEADDR.
    private static void SetReusePort(Socket socket)
    {
        (int level, int option) = OperatingSystem.IsLinux() || OperatingSystem.IsAndroid() ? (1, 15)
            : OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD() ? (0xFFFF, 0x0200)
            : throw new PlatformNotSupportedException("ReusePort is not available on this operating system.");
        socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
    }
}
