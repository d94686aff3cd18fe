using System.Net;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Gate;

/// <summary>
/// The gate of an endpoint whose connections are accepted by others, as by the application's own Kestrel: they are there already when it
/// decides, so nobody can wait.
/// </summary>
internal sealed class GateMiddleware(ConnectionDelegate next, AcceptGate gate, GateRules rules, RefusalMeter meter)
{
    public async Task RunAsync(ConnectionContext connection)
    {
        if (Decide(connection, out int ticket) != GateDecision.Accept)
        {
            await RefuseAsync(connection).ConfigureAwait(false);
            return;
        }

        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            gate.Release(ticket);
        }
    }

    private GateDecision Decide(ConnectionContext connection, out int ticket)
    {
        Span<byte> address = stackalloc byte[AddressKey.IPv6Size];
        int size = 0;
        (connection.RemoteEndPoint as IPEndPoint)?.Address.TryWriteBytes(address, out size);
        return gate.Decide(rules, meter, address[..size], out ticket);
    }

    private async ValueTask RefuseAsync(ConnectionContext connection)
    {
        if (rules.Goodbye.Length == 0)
        {
            connection.Abort(new ConnectionAbortedException("The client was refused."));
            return;
        }

        try
        {
            await connection.Transport.Output.WriteAsync(rules.Goodbye).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client has left before it was told.
        }
    }
}
