using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Servers;

/// <summary>What the errors of making, binding and listening with a socket mean for an endpoint, and what helps.</summary>
internal static class ListenErrors
{
    /// <summary>Explains an error number of Linux.</summary>
    public static string Explain(int errno, EndPoint endPoint) => (errno, endPoint) switch
    {
        (1 or 13, UnixDomainSocketEndPoint) => "the process has no right to make a file in its folder.",
        (1 or 13, _) => "the process has no right to bind it (ports below 1024 may need more rights).",
        (2, _) => "its folder does not exist.",
        (9, _) => "there is no such descriptor: it is closed, or was never passed on.",
        (12 or 105, _) => "the system has no memory for another socket.",
        (19, _) => "the network interface that it names does not exist.",
        (20, _) => "a part of its path is no folder.",
        (22, IPEndPoint { Address: { IsIPv6LinkLocal: true, ScopeId: 0 } }) => "a link-local address needs its interface, as in [fe80::1%eth0].",
        (22, FileHandleEndPoint) => "it is in no state to listen, as a connection is that has ended.",
        (22, _) => "the system does not take the address for this socket.",
        (23, _) => "the system has no descriptors left.",
        (24, _) => "the process has no descriptors left; raise its limit (ulimit -n).",
        (28 or 122, _) => "there is no space left in its folder.",
        (30, _) => "its folder is on a read-only file system.",
        (36, _) => "a name in its path is too long.",
        (40, _) => "its path has too many symbolic links, or goes round in a circle.",
        (88, _) => "the descriptor is no socket.",
        (93 or 94, _) => "this host does not support the protocol.",
        (95, _) => "the socket is of a kind that cannot listen.",
        (97, IPEndPoint { AddressFamily: AddressFamily.InterNetworkV6 }) => "this host does not support IPv6.",
        (97, _) => "this host does not support the address family.",
        (98, _) => "the address is already in use.",

        // What .NET makes of a missing folder.
        (99, UnixDomainSocketEndPoint) => "its folder does not exist.",
        (99, _) => "the address does not belong to this host.",
        _ => $"{SystemError.Describe(errno)}.",
    };

    /// <summary>Explains what .NET threw.</summary>
    public static string Explain(SocketException exception, EndPoint endPoint) => exception.SocketErrorCode switch
    {
        SocketError.OperationAborted => Explain(9, endPoint),
        SocketError.AccessDenied => Explain(13, endPoint),
        SocketError.InvalidArgument => Explain(22, endPoint),
        SocketError.TooManyOpenSockets => Explain(24, endPoint),
        SocketError.NotSocket => Explain(88, endPoint),
        SocketError.OperationNotSupported => Explain(95, endPoint),
        SocketError.ProtocolNotSupported => Explain(93, endPoint),
        SocketError.AddressFamilyNotSupported => Explain(97, endPoint),
        SocketError.AddressAlreadyInUse => Explain(98, endPoint),
        SocketError.AddressNotAvailable => Explain(99, endPoint),
        SocketError.NoBufferSpaceAvailable => Explain(105, endPoint),
        SocketError.SocketError => $"{exception.Message.TrimEnd('.')}.",
        var error => $"{SystemError.ToException(error).Message}.",
    };
}
