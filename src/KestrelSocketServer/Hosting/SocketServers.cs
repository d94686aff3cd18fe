using System.Collections;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer;

/// <summary>The servers of the application, by name.</summary>
internal sealed class SocketServers : ISocketServers, IAsyncDisposable, IDisposable
{
    private readonly ConcurrentDictionary<string, SocketServer> _servers = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim _listening = new(1);
    private readonly SocketServerOptions _options;
    private readonly IServiceProvider _services;
    private readonly ILoggerFactory _loggerFactory;
    private readonly ILogger _logger;
    private readonly TimeProvider _timeProvider;
    private readonly SocketConnectionContextFactory _connectionFactory;
    private bool _stopping;

    public SocketServers(IOptions<SocketServerOptions> options, IServiceProvider services, ILoggerFactory loggerFactory, TimeProvider timeProvider)
    {
        _options = options.Value;
        _services = services;
        _loggerFactory = loggerFactory;
        _logger = loggerFactory.CreateLogger(SocketServerLog.Category);
        _timeProvider = timeProvider;
        _connectionFactory = new SocketConnectionContextFactory(
            new SocketConnectionFactoryOptions(), loggerFactory.CreateLogger<SocketConnectionContextFactory>());
        foreach (EndpointDefinition endpoint in _options.Endpoints)
        {
            _servers[endpoint.Name] = new SocketServer(endpoint.Name, _logger);
        }
    }

    public int Count => _servers.Count;

    public bool TryGet(string name, [NotNullWhen(true)] out ISocketServer? server)
    {
        ArgumentNullException.ThrowIfNull(name);

        bool found = _servers.TryGetValue(name, out SocketServer? known);
        server = known;
        return found;
    }

    public ISocketServer Get(string name) => TryGet(name, out ISocketServer? server) ? server : throw new InvalidOperationException(
        $"There is no endpoint '{name}'. {(_servers.IsEmpty ? "None is configured." : $"Known are: {string.Join(", ", _servers.Keys.Order())}.")}");

    public IEnumerator<ISocketServer> GetEnumerator() => _servers.Values.OrderBy(server => server.Name, StringComparer.OrdinalIgnoreCase).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Starts all endpoints; when one cannot listen, those that had started are stopped again.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (EndpointDefinition endpoint in _options.Endpoints)
            {
                await ListenAsync(endpoint, cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            await StopAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    public async Task<ISocketServer> ListenAsync(string name, string address, Action<ListenOptions> configure, CancellationToken cancellationToken = default)
        => await ListenAsync(new EndpointDefinition(name, EndpointDefinition.ParseAddress(name, address), configure), cancellationToken).ConfigureAwait(false);

    public Task StopAsync(CancellationToken cancellationToken) => StopAsync(_options.ShutdownTimeout, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        _connectionFactory.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async Task<SocketServer> ListenAsync(EndpointDefinition endpoint, CancellationToken cancellationToken)
    {
        await _listening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            SocketServer server = _servers.GetOrAdd(endpoint.Name, static (name, logger) => new SocketServer(name, logger), _logger);
            if (server.IsListening)
            {
                throw new InvalidOperationException($"Endpoint '{endpoint.Name}' is listening on {server.Address} already; close it first.");
            }

            var context = new EndpointContext(server, new ConnectionSettings(new SocketConnectionOptions(), server, _logger, _timeProvider))
            {
                ApplicationServices = _services,
            };
            ConnectionDelegate pipeline = EndpointPipeline.Build(endpoint.Address, endpoint.Configure, context);
            server.Attach(await EndpointBinding.StartAsync(
                endpoint.Address, context, pipeline, _connectionFactory, _loggerFactory, cancellationToken).ConfigureAwait(false));
            return server;
        }
        finally
        {
            _listening.Release();
        }
    }

    private async Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        // Not cancellable: a start under way is waited for, so that nothing listens on when this returns.
        await _listening.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        _stopping = true;
        _listening.Release();

        await Task.WhenAll(_servers.Values.Select(server => server.StopAsync(timeout, cancellationToken))).ConfigureAwait(false);
    }
}
