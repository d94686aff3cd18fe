using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer;

/// <summary>Starts and stops the endpoints with the host.</summary>
internal sealed class SocketServerService(SocketServers servers) : IHostedLifecycleService
{
    private Task _stopped = Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => servers.StartAsync(cancellationToken);

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <remarks>
    /// The host calls this before it stops any service: accepting ends and the connections are told at once, while HTTP and
    /// others may take their time to stop.
    /// </remarks>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _stopped = servers.StopAsync(cancellationToken);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _stopped;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
