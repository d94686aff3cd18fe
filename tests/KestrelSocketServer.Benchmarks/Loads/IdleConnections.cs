using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Connections that had one message echoed, so that they are known to be handled, and then stay silent.</summary>
internal sealed class IdleConnections : IDisposable
{
    private readonly List<Socket> _sockets = [];

    public IdleConnections(IPEndPoint server, int count)
    {
        var message = new byte[32];
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _sockets.Add(socket);
            socket.Connect(server);
            socket.Send(message);
            for (int received = 0; received < message.Length;)
            {
                int length = socket.Receive(message);
                received += length > 0 ? length : throw new IOException("The server closed a connection.");
            }
        }
    }

    public void Dispose() => _sockets.ForEach(static socket => socket.Dispose());
}
