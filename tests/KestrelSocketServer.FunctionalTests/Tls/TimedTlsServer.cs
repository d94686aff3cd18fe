using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>A TLS server whose clock the test turns: good clients are in time however slow the machine is.</summary>
internal sealed class TimedTlsServer : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly SemaphoreSlim _begun = new(0);

    public TlsServer Tls { get; } = new();

    public async Task<TimedTlsServer> StartAsync(SocketTlsOptions options)
    {
        await Tls.StartAsync(
            listen =>
            {
                listen.Use(next => connection =>
                {
                    // Runs until the handshake waits for the client.
                    Task running = next(connection);
                    _begun.Release();
                    return running;
                });
                listen.UseHttps(options);
            },
            static connection =>
            {
                connection.Pipe(connection);
                return Task.CompletedTask;
            },
            services => services.AddSingleton<TimeProvider>(_time));
        return this;
    }

    /// <summary>Waits until the handshake of the next client has begun, and lets some time pass.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        await _begun.WaitAsync().Soon();
        _time.Advance(time);
    }

    public async ValueTask DisposeAsync()
    {
        await Tls.DisposeAsync();
        _begun.Dispose();
    }
}
