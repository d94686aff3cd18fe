using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Tls;

/// <summary>TLS over a connection: shakes hands, then runs the rest of the pipeline over what is inside.</summary>
internal sealed class TlsMiddleware(ConnectionDelegate next, TlsHandshake handshake)
{
    public async Task RunAsync(ConnectionContext connection)
    {
        IDuplexPipe transport = connection.Transport;
        if (await handshake.RunAsync(connection, transport).ConfigureAwait(false) is not { } session)
        {
            return;
        }

        await using (session.ConfigureAwait(false))
        {
            connection.Transport = session;
            try
            {
                await next(connection).ConfigureAwait(false);
            }
            finally
            {
                connection.Transport = transport;
            }
        }
    }
}
