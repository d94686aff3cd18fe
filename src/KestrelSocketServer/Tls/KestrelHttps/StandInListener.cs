using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Tls.KestrelHttps;

/// <summary>Gives stand-ins to Kestrel's server, as if it had accepted them.</summary>
internal sealed class StandInListener : IConnectionListenerFactory, IConnectionListener
{
    private readonly Channel<KestrelStandIn> _standIns = Channel.CreateUnbounded<KestrelStandIn>(
        new UnboundedChannelOptions { SingleReader = true });

    // Bound by nobody.
    public EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 0);

    /// <returns>Whether Kestrel takes it; it does not once it stops.</returns>
    public bool TryAdd(KestrelStandIn standIn) => _standIns.Writer.TryWrite(standIn);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        => ValueTask.FromResult<IConnectionListener>(this);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        => await _standIns.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)
            && _standIns.Reader.TryRead(out KestrelStandIn? standIn) ? standIn : null;

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _standIns.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => UnbindAsync();
}
