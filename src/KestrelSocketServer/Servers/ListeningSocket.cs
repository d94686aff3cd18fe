using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>Makes the listening socket of an endpoint.</summary>
internal static class ListeningSocket
{
    /// <param name="name">The name of the endpoint.</param>
    /// <param name="address">Its address.</param>
    /// <param name="options">The options of the socket.</param>
    /// <param name="isShared">Whether other sockets of the endpoint are to listen on the same port.</param>
    /// <param name="first">What the first of them listens on, null for that one itself.</param>
    /// <exception cref="IOException">The address cannot be listened on (row A13); nothing stays bound.</exception>
    public static Socket Bind(string name, ListenAddress address, SocketListenerOptions options, bool isShared, EndPoint? first = null)
    {
        Socket? socket = null;
        try
        {
            EndPoint endPoint = first ?? address.EndPoint;
            socket = Create(endPoint);
            if (endPoint is IPEndPoint ip)
            {
                ConfigureBinding(socket, ip, options, options.ReusePort || first is not null);
            }

            if (endPoint is not FileHandleEndPoint)
            {
                socket.Bind(endPoint);
            }

            Configure(socket, options);
            if (isShared && first is null)
            {
                // Not before it listens: so the port is in use for others that listen on it, this program started twice among them.
                SetReusePort(socket);
            }

            return socket;
        }
        catch (Exception exception) when (exception is SocketException or PlatformNotSupportedException or UnauthorizedAccessException)
        {
            socket?.Dispose();
            throw new IOException($"Endpoint '{name}' cannot listen on {address}: {Explain(exception)}", exception);
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

        socket.Dispose();
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
        }

        socket.Listen(options.Backlog);
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
