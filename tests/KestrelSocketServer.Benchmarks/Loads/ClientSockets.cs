using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Sockets that are connected to a server.</summary>
internal sealed class ClientSockets : IDisposable
{
    private readonly Socket[] _sockets;

    public ClientSockets(IPEndPoint server, int count) => _sockets = [.. Enumerable.Range(0, count).Select(_ => Connect(server))];

    public static Socket Connect(IPEndPoint server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(server);
        return socket;
    }

    public int HandleOf(int index) => (int)_sockets[index].Handle;

    public void Dispose() => Array.ForEach(_sockets, static socket => socket.Dispose());
}
