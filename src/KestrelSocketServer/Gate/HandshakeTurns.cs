using System.Net;
using KestrelSocketServer.Diagnostics;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Gate;

/// <summary>The turns of an endpoint's handshakes.</summary>
internal sealed class HandshakeTurns(AcceptGate gate, SocketServerMetrics? metrics, string endpoint)
{
    public HandshakeTurn Create(ConnectionContext connection) => new(this, connection);

    public ValueTask EnterAsync(CancellationToken cancellationToken) => gate.Handshakes.EnterAsync(cancellationToken);

    public void Leave() => gate.Handshakes.Leave();

    /// <summary>A handshake had not had its turn when its time was up.</summary>
    public void OnTimedOut(ConnectionContext connection) => gate.OnHandshakeRefused(
        new RefusalMeter(metrics, endpoint, connection.LocalEndPoint), (connection.RemoteEndPoint as IPEndPoint)?.Address);
}
