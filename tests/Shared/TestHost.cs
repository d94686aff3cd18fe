using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.TestSupport;

/// <summary>A real host whose logs are collected. Disposing it asserts that nothing was logged at Error or above.</summary>
public sealed class TestHost : IAsyncDisposable
{
    private readonly IHost _host;
    private bool _stopped;
    private bool _disposed;

    private TestHost(IHost host)
    {
        _host = host;
        Logs = Services.GetRequiredService<FakeLogCollector>();
    }

    public IServiceProvider Services => _host.Services;

    /// <summary>The logs so far; still there when the host is disposed of.</summary>
    public FakeLogCollector Logs { get; }

    public ISocketServers Servers => Services.GetRequiredService<ISocketServers>();

    /// <summary>The web application of <see cref="StartWebAsync"/>.</summary>
    public WebApplication Web => (WebApplication)_host;

    public ISocketServer Server(string name) => Services.GetRequiredKeyedService<ISocketServer>(name);

    /// <summary>Starts a worker: a host without HTTP.</summary>
    public static Task<TestHost> StartAsync(Action<SocketServerOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        HostApplicationBuilder builder = CreateEmptyBuilder();
        Collect(builder.Logging);
        builder.Services.AddSocketServer(configure);
        services?.Invoke(builder.Services);
        return StartAsync(builder.Build());
    }

    /// <summary>
    /// An empty host that takes nothing from outside but environment variables: by <c>SocketServer__Transport__Driver</c> all tests
    /// run on the other driver.
    /// </summary>
    public static HostApplicationBuilder CreateEmptyBuilder()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddEnvironmentVariables();
        return builder;
    }

    /// <summary>Starts a web host whose HTTP side listens on a free port of 127.0.0.1.</summary>
    public static Task<TestHost> StartWebAsync(
        Action<SocketServerOptions>? configure = null, Action<WebApplicationBuilder>? build = null, Action<WebApplication>? map = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Testing" });
        Collect(builder.Logging);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.UseSocketServer(configure ?? (static _ => { }));
        build?.Invoke(builder);
        WebApplication app = builder.Build();
        map?.Invoke(app);
        return StartAsync(app);
    }

    /// <summary>Starts a host that the test has built; <see cref="Collect"/> must have been called for it.</summary>
    public static async Task<TestHost> StartAsync(IHost host)
    {
        try
        {
            await host.StartAsync().Soon();
        }
        catch
        {
            host.Dispose();
            throw;
        }

        return new TestHost(host);
    }

    public static void Collect(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddFakeLogging();
        logging.SetMinimumLevel(LogLevel.Information);
    }

    public async Task StopAsync()
    {
        _stopped = true;
        await _host.StopAsync().Soon();
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (!_stopped)
        {
            await StopAsync();
        }

        string[] errors = [.. Logs.GetSnapshot().Where(record => record.Level >= LogLevel.Error).Select(record => record.ToString())];
        await ((IAsyncDisposable)_host).DisposeAsync().Soon();
        Assert.Empty(errors);
    }
}
