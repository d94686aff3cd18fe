using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>Makes the listening socket of an endpoint.</summary>
internal static class ListeningSocket
{
    /// <exception cref="IOException">The address cannot be listened on (row A13); nothing stays bound.</exception>
    public static Socket Bind(string name, ListenAddress address, SocketListenerOptions options)
    {
        Socket? socket = null;
        try
        {
            socket = Create(address.EndPoint);
            Configure(socket, address.EndPoint, options);
            if (address.EndPoint is not FileHandleEndPoint)
            {
                socket.Bind(address.EndPoint);
            }

            socket.Listen(options.Backlog);
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or PlatformNotSupportedException or UnauthorizedAccessException)
        {
            socket?.Dispose();
            throw new IOException($"Endpoint '{name}' cannot listen on {address}: {Explain(exception)}", exception);
        }
    }

    private static Socket Create(EndPoint endPoint) => endPoint switch
    {
        FileHandleEndPoint handle => new Socket(new SafeSocketHandle((nint)handle.FileHandle, ownsHandle: true)),
        UnixDomainSocketEndPoint => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
        _ => new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp),
    };

    private static void Configure(Socket socket, EndPoint endPoint, SocketListenerOptions options)
    {
        if (endPoint is not IPEndPoint ip)
        {
            return;
        }

        if (ip.AddressFamily == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = ip.Address.Equals(IPAddress.IPv6Any) && !options.IPv6Only;
        }

        if (options.ReusePort)
        {
            SetReusePort(socket);
        }

        // Accepted sockets inherit these from the listening one.
        socket.NoDelay = options.NoDelay;
        if (options.KeepAliveTime is { } time)
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)time.TotalSeconds);
            if (options.KeepAliveInterval is { } interval)
            {
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, (int)interval.TotalSeconds);
            }

            if (options.KeepAliveRetryCount is { } count)
            {
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, count);
            }
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

    private static string Explain(Exception exception) => exception is not SocketException socket
        ? exception.Message
        : socket.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => "the address is already in use.",
            SocketError.AddressNotAvailable => "the address does not belong to this host.",
            SocketError.AccessDenied => "the process has no right to bind it (ports below 1024 may need more rights).",
            SocketError.AddressFamilyNotSupported => "this host does not support the address family.",
            _ => socket.Message,
        };
}
