using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.TestSupport;

/// <summary>What is between a client and its connection: nothing but TCP, or TLS on top. Tests run over each from one source.</summary>
public abstract class TestTransport
{
    public static TestTransport Plain { get; } = new PlainTransport();

    /// <summary>TLS by the library's own <c>UseHttps</c>.</summary>
    public static TestTransport Tls { get; } = new TlsTransport(static listen => listen.UseHttps(
        TlsCertificate.From(TestCertificate.Instance), static tls => tls.HandshakeTimeout = Timeouts.Generous));

    /// <summary>TLS by Kestrel's <c>UseHttps</c>.</summary>
    public static TestTransport KestrelTls { get; } = new TlsTransport(static listen => listen.UseHttps(TestCertificate.Instance));

    public abstract bool IsTls { get; }

    /// <summary>Configures the endpoint, before its handler is set.</summary>
    public abstract void Configure(ListenOptions listen);

    /// <summary>Makes the client's stream over its connected socket.</summary>
    public abstract Task<Stream> ConnectAsync(Socket socket);

    /// <summary>Ends the client's sending side, as a well-behaved client does.</summary>
    public abstract Task ShutdownSendAsync(Socket socket, Stream stream);

    private sealed class PlainTransport : TestTransport
    {
        public override bool IsTls => false;

        public override void Configure(ListenOptions listen)
        {
        }

        public override Task<Stream> ConnectAsync(Socket socket) => Task.FromResult<Stream>(new NetworkStream(socket));

        public override Task ShutdownSendAsync(Socket socket, Stream stream)
        {
            socket.Shutdown(SocketShutdown.Send);
            return Task.CompletedTask;
        }
    }

    private sealed class TlsTransport(Action<ListenOptions> useHttps) : TestTransport
    {
        public override bool IsTls => true;

        public override void Configure(ListenOptions listen) => useHttps(listen);

        public override async Task<Stream> ConnectAsync(Socket socket)
        {
            var stream = new SslStream(new NetworkStream(socket), leaveInnerStreamOpen: false);
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                RemoteCertificateValidationCallback = static (_, certificate, _, _) =>
                    certificate?.GetCertHashString() == TestCertificate.Instance.GetCertHashString(),
            }).Soon();
            return stream;
        }

        // TCP's own end: SslStream cannot say goodbye while it reads, which the clients of these tests go on with.
        public override Task ShutdownSendAsync(Socket socket, Stream stream)
        {
            socket.Shutdown(SocketShutdown.Send);
            return Task.CompletedTask;
        }
    }
}
