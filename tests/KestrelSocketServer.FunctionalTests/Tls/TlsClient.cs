using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>A TLS client whose socket is at hand. Disposing it drops TCP without a goodbye.</summary>
internal sealed class TlsClient(Socket socket) : SslStream(new NetworkStream(socket, ownsSocket: true))
{
    public Socket Socket { get; } = socket;

    /// <summary>Shakes hands; trusts the test's authority unless the options say otherwise.</summary>
    public static async Task<TlsClient> ConnectAsync(string address, Action<SslClientAuthenticationOptions>? configure = null)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            CertificateChainPolicy = TlsServer.Trusting(TestPki.Default.Authority),
        };
        configure?.Invoke(options);
        var client = new TlsClient(await ConnectTcpAsync(address));
        try
        {
            await client.AuthenticateAsClientAsync(options).Soon();
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    public static async Task<Socket> ConnectTcpAsync(string address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPEndPoint.Parse(address)).Soon();
        return socket;
    }

    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }
}
