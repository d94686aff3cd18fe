using System.Threading.Channels;
using KestrelSocketServer.FunctionalTests.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

/// <summary>An endpoint behind proxies. It sends back what it receives.</summary>
internal sealed class ProxiedServer : IAsyncDisposable
{
    private const string Name = "test";

    private readonly TestHost _host;
    private readonly Channel<ISocketConnection> _accepted;
    private readonly Channel<SocketServerError> _errors = Channel.CreateUnbounded<SocketServerError>();

    private ProxiedServer(TestHost host, Channel<ISocketConnection> accepted)
    {
        _host = host;
        _accepted = accepted;
        Rejected = Meters.Collect<long>(host, "socket_server.rejected_connections");
        Server.Error += error => _errors.Writer.TryWrite(error);
    }

    public ISocketServer Server => _host.Server(Name);

    public FakeLogCollector Logs => _host.Logs;

    public TestHost Host => _host;

    public MetricCollector<long> Rejected { get; }

    /// <summary>Starts it; <paramref name="listen"/> configures all but the handler.</summary>
    public static async Task<ProxiedServer> StartAsync(Action<ListenOptions> listen, string address = "127.0.0.1:0", Action<IServiceCollection>? services = null)
    {
        var accepted = Channel.CreateUnbounded<ISocketConnection>();
        TestHost host = await TestHost.StartAsync(
            server => server.Listen(Name, address, options =>
            {
                listen(options);
                options.UseSocketHandler(connection =>
                {
                    accepted.Writer.TryWrite(connection);
                    connection.Pipe(connection);
                });
            }),
            services);
        return new ProxiedServer(host, accepted);
    }

    /// <summary>Starts it so that it trusts its own machine.</summary>
    public static Task<ProxiedServer> StartAsync() => StartAsync(static listen => listen.UseProxyProtocol("127.0.0.0/8", "::1"));

    public Task<RawClient> ConnectAsync() => RawClient.ConnectAsync(Server);

    public Task<ISocketConnection> AcceptedAsync() => _accepted.Reader.ReadAsync().Soon();

    public Task<SocketServerError> ErrorAsync() => _errors.Reader.ReadAsync().Soon();

    /// <summary>Asserts that there was no connection and no error that nobody has asked for; to be called when the server is stopped.</summary>
    public void AssertNothingElse()
    {
        Assert.False(_accepted.Reader.TryRead(out _), "There was a connection.");
        AssertNoError();
    }

    /// <summary>Asserts that there was no error that nobody has asked for; to be called when the server is stopped.</summary>
    public void AssertNoError()
    {
        Assert.False(_errors.Reader.TryRead(out SocketServerError? error), $"There was an error: {error}");
    }

    public async ValueTask DisposeAsync()
    {
        Rejected.Dispose();
        await _host.DisposeAsync();
    }
}
