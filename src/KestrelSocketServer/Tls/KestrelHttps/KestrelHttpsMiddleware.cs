using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Tls.KestrelHttps;

/// <summary>Goes before Kestrel's TLS in the pipeline of an endpoint: gives it what it needs of Kestrel, and watches its handshake.</summary>
internal sealed class KestrelHttpsMiddleware(ConnectionDelegate next, StandInListener kestrel, TlsObserver observer)
{
    public async Task RunAsync(ConnectionContext connection)
    {
        var standIn = new KestrelStandIn(connection);
        if (!kestrel.TryAdd(standIn) || !await standIn.StartAsync().ConfigureAwait(false))
        {
            // The host is gone, or Kestrel has logged why it does not run it.
            return;
        }

        try
        {
            await new HandshakeWatch(connection, observer).RunAsync(next).ConfigureAwait(false);
        }
        finally
        {
            standIn.End();
        }
    }
}
