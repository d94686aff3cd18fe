using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using KestrelSocketServer.FunctionalTests.Tls;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Configuration;

/// <summary>
/// An echo over TLS all of whose options come from an appsettings.json, with clients for it. Its certificate is
/// <c>server.pem</c>, and <c>ca.pem</c> lies beside it, unless the keys say otherwise.
/// </summary>
internal sealed class ConfiguredTlsServer : IAsyncDisposable
{
    private const string Name = "Echo";

    private readonly ConfiguredApp _app;
    private readonly Channel<EventRecorder> _connections;
    private readonly Channel<SocketServerError> _errors = Channel.CreateUnbounded<SocketServerError>();

    private ConfiguredTlsServer(ConfiguredApp app, Channel<EventRecorder> connections)
    {
        _app = app;
        _connections = connections;
        Assert.True(app.Servers.TryGet(Name, out ISocketServer? server));
        server.Error += error => _errors.Writer.TryWrite(error);
    }

    public string Address => _app.AddressOf(Name)!;

    /// <param name="keys">What is below the endpoint in configuration.</param>
    /// <param name="defaults">What is below EndpointDefaults.</param>
    public static async Task<ConfiguredTlsServer> StartAsync(Dictionary<string, object> keys, Dictionary<string, object>? defaults = null)
    {
        using X509Certificate2 certificate = TestPki.Default.Issue("localhost");
        var files = new Dictionary<string, string>
        {
            ["server.pem"] = TestPki.Pem(certificate),
            ["ca.pem"] = TestPki.Default.Authority.ExportCertificatePem(),
        };
        var connections = Channel.CreateUnbounded<EventRecorder>();
        ConfiguredApp app = await ConfiguredApp.StartAsync(files, Settings(keys, defaults), builder => builder.Services.AddSocketServer(
            server => server.Endpoint(Name).UseSocketHandler(connection =>
            {
                connections.Writer.TryWrite(new EventRecorder(connection));
                connection.Data += chunk => connection.Write(chunk);
            })));
        return new ConfiguredTlsServer(app, connections);
    }

    public string PathOf(string name) => Path.Combine(_app.Folder, name);

    public void Write(string name, string text) => File.WriteAllText(PathOf(name), text);

    public void Write(string name, byte[] content) => File.WriteAllBytes(PathOf(name), content);

    /// <summary>Writes other keys to the file and waits until they hold.</summary>
    public async Task ReconfigureAsync(Dictionary<string, object> keys)
    {
        var applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _app.Servers.Reloaded += () => applied.TrySetResult();
        _app.Write(Settings(keys, null));
        await applied.Task.Soon();
    }

    public Task<TlsClient> ConnectAsync(Action<SslClientAuthenticationOptions>? configure = null) => TlsClient.ConnectAsync(Address, configure);

    /// <summary>The next connection.</summary>
    public Task<EventRecorder> ConnectionAsync() => _connections.Reader.ReadAsync().Soon();

    /// <summary>The next error of the server.</summary>
    public Task<SocketServerError> ErrorAsync() => _errors.Reader.ReadAsync().Soon();

    /// <summary>Asserts that a client gets its echo, and gives the certificate that it saw.</summary>
    public async Task<X509Certificate2> AssertServesAsync(Action<SslClientAuthenticationOptions>? configure = null)
    {
        await using TlsClient client = await ConnectAsync(configure);
        await TlsServer.AssertEchoAsync(client);
        await ConnectionAsync();
        return X509CertificateLoader.LoadCertificate(client.RemoteCertificate!.GetRawCertData());
    }

    /// <summary>Asserts that a client's handshake fails, without a connection, and gives the reason.</summary>
    public async Task<Exception> AssertRefusesAsync(Action<SslClientAuthenticationOptions>? configure = null)
    {
        try
        {
            // In TLS 1.3 a client may have finished before the server looks at its certificate.
            await using TlsClient client = await ConnectAsync(configure);
            Assert.Equal(0, await client.ReadAsync(new byte[1]).Soon());
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException)
        {
            // The server has closed, with an alert or without.
        }

        SocketServerError error = await ErrorAsync();
        Assert.Equal(SocketServerErrorStage.Handshake, error.Stage);
        AssertNothingHappened();
        return error.Exception;
    }

    public void AssertNothingHappened()
    {
        Assert.False(_errors.Reader.TryRead(out SocketServerError? error), error?.ToString());
        Assert.False(_connections.Reader.TryRead(out _));
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static object Settings(Dictionary<string, object> keys, Dictionary<string, object>? defaults)
    {
        var endpoint = new Dictionary<string, object>(keys);
        endpoint.TryAdd("Url", "tls://127.0.0.1:0");
        endpoint.TryAdd("Certificate", new { Path = "server.pem" });
        return new { SocketServer = new { EndpointDefaults = defaults ?? [], Endpoints = new Dictionary<string, object> { [Name] = endpoint } } };
    }
}
