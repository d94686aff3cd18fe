using System.Net.Security;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>A TLS client whose socket is at hand. Disposing it drops TCP without a goodbye.</summary>
internal sealed class TlsClient(Socket socket) : SslStream(new NetworkStream(socket, ownsSocket: true))
{
    public Socket Socket { get; } = socket;

    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }
}
