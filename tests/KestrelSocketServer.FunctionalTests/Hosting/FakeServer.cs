using System.Net;

namespace KestrelSocketServer.FunctionalTests.Hosting;

/// <summary>A server of a test, with no socket at all.</summary>
internal sealed class FakeServer : ISocketServer
{
    public event Action<ISocketConnection>? Connection
    {
        add { }
        remove { }
    }

    public event Action<SocketServerError>? Error;

    public string Name => "fake";

    public string? Address => null;

    public EndPoint? EndPoint => null;

    public IReadOnlyCollection<ISocketConnection> Connections => [];

    public bool IsAcceptingPaused => false;

    public void PauseAccepting()
    {
    }

    public void ResumeAccepting()
    {
    }

    public Task CloseAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task<int> DrainAsync(SocketDrainOptions? options = null, CancellationToken cancellationToken = default) => Task.FromResult(0);

    public void RaiseError(SocketServerError error) => Error?.Invoke(error);
}
