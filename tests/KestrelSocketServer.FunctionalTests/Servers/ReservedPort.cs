using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Servers;

/// <summary>
/// A port that nobody else is given while this lives: it is bound but does not listen, so that clients are refused, and the
/// one who asks for it by number may listen on it.
/// </summary>
internal sealed class ReservedPort : IDisposable
{
    private readonly Socket _socket;

    public ReservedPort(IPAddress? address = null)
    {
        address ??= IPAddress.Loopback;
        _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _socket.Bind(new IPEndPoint(address, 0));
    }

    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public int Port => EndPoint.Port;

    public override string ToString() => EndPoint.ToString();

    public void Dispose() => _socket.Dispose();
}
