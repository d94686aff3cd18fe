using System.Net;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>Hands listeners that are bound already, one after the other, to the Kestrel server that is made for them.</summary>
internal sealed class BoundListenerFactory(IReadOnlyList<SocketListener> listeners) : IConnectionListenerFactory
{
    private int _bound;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        => ValueTask.FromResult<IConnectionListener>(listeners[_bound++]);
}
