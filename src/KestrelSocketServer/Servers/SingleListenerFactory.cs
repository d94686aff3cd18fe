using System.Net;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer;

/// <summary>Hands a listener that is bound already to the Kestrel server that is made for it.</summary>
internal sealed class SingleListenerFactory(SocketListener listener) : IConnectionListenerFactory
{
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        => ValueTask.FromResult<IConnectionListener>(listener);
}
