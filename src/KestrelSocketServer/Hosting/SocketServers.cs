using System.Collections;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using KestrelSocketServer.Configuration;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Servers;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer.Hosting;

/// <summary>The servers of the application, by name: those of code and configuration, and those that came at run time.</summary>
internal sealed class SocketServers : ISocketServers, IAsyncDisposable, IDisposable
{
    private readonly ConcurrentDictionary<string, SocketServer> _servers = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _unknownKeys = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim _changing = new(1);
    private readonly SocketServerOptions _options;
    private readonly IServiceProvider _services;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly SocketTransport _transport;
    private readonly ConnectionClock _clock;
    private readonly UnsentAccount _unsent;

    // Unless code has set it, which prevails.
    private readonly bool _followsLimit;
    private readonly EndpointReconciler _reconciler;
    private readonly ConfigurationReloader? _reloader;
    private string? _refusal;
    private bool _stopping;

    public SocketServers(IOptions<SocketServerOptions> options, IServiceProvider services, ILoggerFactory loggerFactory, TimeProvider timeProvider)
    {
        _options = options.Value;
        _services = services;
        _timeProvider = timeProvider;
        _logger = SafeLoggerFactory.For(loggerFactory).CreateLogger(SocketServerLog.Category);
        _transport = new SocketTransport(_options.Transport, _logger, timeProvider);
        _clock = new ConnectionClock(timeProvider);
        _unsent = services.GetRequiredService<UnsentAccount>();
        _followsLimit = _options.Limits.MaxUnsentBytes == SocketServerConfiguration.Read(_options.Configuration).MaxUnsentBytes;
        SocketServerMetrics.From(services)?.ObserveUnsent(() => _unsent.Total);
        _reconciler = new EndpointReconciler(services, _transport, _logger, timeProvider, _clock, _unsent);
        _reloader = _options.Configuration is not { } configuration ? null : new ConfigurationReloader(
            configuration, ConfigurationFiles.Find(configuration, services.GetService<IConfiguration>()), ReloadAsync, timeProvider);
        foreach (EndpointPlan plan in ReadPlans(out _))
        {
            ServerOf(plan.Name);
        }
    }

    public event Action? Changed;

    public event Action? Reloaded;

    public event Action<Exception>? ReloadFailed;

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

    /// <summary>Starts all endpoints, or none when one cannot listen.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // First: a change while the endpoints start is not lost.
        _reloader?.Start();
        await ApplyAsync(cancellationToken).ConfigureAwait(false);
        if (!_servers.Values.Any(server => server.IsListening))
        {
            string path = _options.Configuration is IConfigurationSection section ? section.Path : SocketServerConfiguration.DefaultSection;
            _logger.NoEndpoint($"{path}:{SocketServerConfiguration.EndpointsKey}", _services.GetService<IHostEnvironment>()?.ContentRootPath);
        }

        foreach (string link in _reloader?.Files.Select(file => file.FindLink()).OfType<string>() ?? [])
        {
            _logger.LinkedConfigurationFile(link);
        }
    }

    public async Task<ISocketServer> ListenAsync(string name, string address, Action<ListenOptions> configure, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(configure);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var plan = new EndpointPlan(name, EndpointDefinition.ParseAddress(name, address), new SocketEndpointOptions(), configure, "");

        await _changing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            SocketServer server = ServerOf(name);
            if (server.IsListening)
            {
                throw new InvalidOperationException($"Endpoint '{name}' is listening on {server.Address} already; close it first.");
            }

            cancellationToken.ThrowIfCancellationRequested();
            _reconciler.Listen(plan, server);
            return server;
        }
        finally
        {
            _changing.Release();
        }
    }

    public Task CloseAsync(string name, CancellationToken cancellationToken = default) => Get(name).CloseAsync(cancellationToken);

    public async Task<int> DrainAsync(SocketDrainOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SocketDrainOptions();
        options.Validate();
        SocketServer[] servers = [.. _servers.Values];
        string names = string.Join(", ", servers.Select(static server => server.Name).Order());
        long start = _timeProvider.GetTimestamp();
        int left = await new ConnectionDrain(servers, options, _timeProvider)
            .RunAsync((left, passed) => _logger.Draining(names, left, passed), cancellationToken).ConfigureAwait(false);
        _logger.Drained(names, left, _timeProvider.GetElapsedTime(start));
        return left;
    }

    public Task StopAsync(CancellationToken cancellationToken) => StopAsync(_options.ShutdownTimeout, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        _transport.Dispose();
        _clock.Dispose();
    }

    // For a container that is disposed of synchronously, and refuses services that cannot be: there is no other way than to block. What is
    // awaited goes on on the thread pool, so that it needs none of this thread.
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private SocketServer ServerOf(string name) => _servers.GetOrAdd(name, static (name, self) => new SocketServer(name, self._logger, self._timeProvider, self.OnChanged), this);

    private async Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        _reloader?.Dispose();

        // Not cancellable: a change under way is waited for, so that nothing listens on when this returns.
        await _changing.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        _stopping = true;
        _changing.Release();

        await Task.WhenAll(_servers.Values.Select(server => server.StopAsync(timeout, cancellationToken))).ConfigureAwait(false);
    }

    // Returns whether that is done with: what the system has no room for is not. Of a state that is tried several times, a failure is told once.
    private async Task<bool> ReloadAsync(bool isChanged)
    {
        try
        {
            foreach (ConfigurationFile file in _reloader!.Files)
            {
                file.Read();
            }
        }
        catch (Exception exception)
        {
            return Refuse(exception, isKnown: exception.Message == _refusal, _logger.ReloadFailed);
        }

        try
        {
            if (await ApplyAsync(CancellationToken.None).ConfigureAwait(false))
            {
                _logger.ConfigurationApplied();
            }

            _refusal = null;
            Raise(Reloaded);
            return true;
        }
        catch (Exception exception)
        {
            return Refuse(exception, isKnown: !isChanged && exception.Message == _refusal, _logger.ConfigurationRefused);
        }
    }

    private bool Refuse(Exception exception, bool isKnown, Action<Exception> log)
    {
        bool passes = SystemExhaustion.IsCauseOf(exception);
        if (!isKnown)
        {
            _refusal = exception.Message;
            (passes ? _logger.ReloadPostponed : log)(exception);
            Raise(ReloadFailed, exception);
        }

        return !passes;
    }

    private async Task<bool> ApplyAsync(CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_stopping)
            {
                return false;
            }

            bool isChanged = await _reconciler.ApplyAsync(ReadPlans(out long? maxUnsentBytes), ServerOf, cancellationToken).ConfigureAwait(false);
            if (_followsLimit)
            {
                _unsent.Limit(maxUnsentBytes);
            }

            return isChanged;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <exception cref="OptionsValidationException">The configuration has mistakes; the exception names them all.</exception>
    private IReadOnlyList<EndpointPlan> ReadPlans(out long? maxUnsentBytes)
    {
        SocketServerSnapshot configuration = SocketServerConfiguration.Read(_options.Configuration);
        maxUnsentBytes = configuration.MaxUnsentBytes;
        IReadOnlyList<EndpointPlan> plans = EndpointPlan.Create(_options.Endpoints, configuration);
        if (configuration.Errors.Count > 0)
        {
            throw new OptionsValidationException(SocketServerConfiguration.DefaultSection, typeof(SocketServerOptions), configuration.Errors);
        }

        foreach ((string key, string? nearest) in configuration.UnknownKeys.Where(unknown => _unknownKeys.Add(unknown.Path)))
        {
            if (nearest is null)
            {
                _logger.UnknownKey(key);
            }
            else
            {
                _logger.UnknownKeyNearKnown(key, nearest);
            }
        }

        foreach ((string key, string newKey) in configuration.RenamedKeys.Where(renamed => _unknownKeys.Add(renamed.Path)))
        {
            _logger.RenamedKey(key, newKey);
        }

        return plans;
    }

    private void OnChanged() => Raise(Changed);

    private void Raise(Action? subscribers) => Raise(_ => subscribers?.Invoke(), (object?)null);

    private void Raise<T>(Action<T>? subscribers, T argument)
    {
        try
        {
            subscribers?.Invoke(argument);
        }
        catch (Exception exception)
        {
            _logger.SubscriberFault(exception, "the servers");
        }
    }
}
