using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.Hosting;

/// <summary>Starts and stops the endpoints with the host.</summary>
internal sealed class SocketServerService(SocketServers servers, IHostApplicationLifetime lifetime) : IHostedLifecycleService
{
    private Task _stopped = Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <remarks>An application that is told to stop while it starts just stops: that it has not started is no failure.</remarks>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await servers.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Nothing was bound: there is nothing to undo.
        }
    }

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
