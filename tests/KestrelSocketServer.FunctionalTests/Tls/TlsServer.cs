using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>A worker without HTTP and one TLS endpoint, an echo unless told otherwise, with a folder for its files.</summary>
internal sealed class TlsServer : IAsyncDisposable
{
    private readonly Channel<SocketServerError> _errors = Channel.CreateUnbounded<SocketServerError>();
    private readonly Channel<ISocketConnection> _connections = Channel.CreateUnbounded<ISocketConnection>();
    private TestHost? _host;

    /// <summary>A folder that goes with the server.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("kestrel-socket-server-").FullName;

    public TestHost Host => _host!;

    public ISocketServer Server => Host.Server("test");

    public string Address => Server.Address!;

    public string Write(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public string Write(string name, byte[] content)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    public Task<TlsServer> StartAsync(Action<ListenOptions> useHttps, Action<ISocketConnection>? onConnection = null)
        => StartAsync(useHttps, connection =>
        {
            (onConnection ?? (static echo => echo.Pipe(echo)))(connection);
            return Task.CompletedTask;
        });

    public async Task<TlsServer> StartAsync(Action<ListenOptions> useHttps, Func<ISocketConnection, Task> onConnection, Action<IServiceCollection>? services = null)
    {
        _host = await TestHost.StartAsync(
            server => server.Listen("test", 0, listen =>
            {
                useHttps(listen);
                listen.UseSocketHandler(connection =>
                {
                    _connections.Writer.TryWrite(connection);
                    return onConnection(connection);
                });
            }),
            services);
        Server.Error += error => _errors.Writer.TryWrite(error);
        return this;
    }

    /// <summary>The next error of the server.</summary>
    public Task<SocketServerError> ErrorAsync() => _errors.Reader.ReadAsync().Soon();

    /// <summary>The next connection of the server.</summary>
    public Task<ISocketConnection> ConnectionAsync() => _connections.Reader.ReadAsync().Soon();

    public void AssertNothingHappened()
    {
        Assert.False(_errors.Reader.TryRead(out SocketServerError? error), error?.ToString());
        Assert.False(_connections.Reader.TryRead(out _));
    }

    public Task<Socket> ConnectTcpAsync() => TlsClient.ConnectTcpAsync(Address);

    /// <summary>Shakes hands; trusts the test's authority unless the options say otherwise.</summary>
    public Task<TlsClient> ConnectAsync(Action<SslClientAuthenticationOptions>? configure = null) => TlsClient.ConnectAsync(Address, configure);

    /// <summary>Asserts that a good client gets its echo, and gives the certificate that it saw.</summary>
    public async Task<X509Certificate2> AssertServesAsync(Action<SslClientAuthenticationOptions>? configure = null)
    {
        await using TlsClient client = await ConnectAsync(configure);
        await ConnectionAsync();
        await AssertEchoAsync(client);
        return X509CertificateLoader.LoadCertificate(client.RemoteCertificate!.GetRawCertData());
    }

    public static async Task AssertEchoAsync(Stream client)
    {
        await client.WriteAsync("ping"u8.ToArray()).Soon();
        byte[] received = new byte[4];
        await client.ReadExactlyAsync(received).Soon();
        Assert.Equal("ping"u8.ToArray(), received);
    }

    /// <summary>
    /// Asserts what every failed handshake comes to: one error with its cause and its client, no connection, TCP closed, and
    /// others are served.
    /// </summary>
    public async Task<SocketServerError> AssertRefusesAsync<TException>(Func<Socket, Task> client, Action<SslClientAuthenticationOptions>? good = null)
        where TException : Exception
    {
        using Socket socket = await ConnectTcpAsync();
        string address = socket.LocalEndPoint!.ToString()!;
        await client(socket);
        SocketServerError error = await ErrorAsync();
        Assert.IsAssignableFrom<TException>(error.Exception);
        Assert.Equal(SocketServerErrorStage.Handshake, error.Stage);
        Assert.Equal(address, error.RemoteAddress);
        Assert.False(string.IsNullOrEmpty(error.ConnectionId));
        await AssertClosedAsync(socket);
        if (good is not null)
        {
            await AssertServesAsync(good);
        }

        AssertNothingHappened();
        return error;
    }

    /// <summary>Asserts that the server closes the socket, whatever it sends before.</summary>
    public static async Task AssertClosedAsync(Socket socket)
    {
        if (!socket.Connected)
        {
            return;
        }

        try
        {
            byte[] buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer).Soon() > 0)
            {
                // An alert.
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed with bytes of the client's unread.
        }
    }

    public static X509ChainPolicy Trusting(X509Certificate2 authority)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(authority);
        return policy;
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }
}
