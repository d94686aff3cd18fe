using System.Net;
using KestrelSocketServer.Addresses;

namespace KestrelSocketServer;

/// <summary>What went wrong with a connection of a server; never fatal for the server (row L4).</summary>
public sealed class SocketServerError
{
    /// <summary>Describes an error; public so that tests can raise one.</summary>
    /// <param name="stage">Where it happened.</param>
    /// <param name="exception">The cause.</param>
    /// <param name="connectionId">The identifier of the connection, null when there was none yet.</param>
    /// <param name="remoteEndPoint">The end point of the peer, null when it is unknown.</param>
    public SocketServerError(SocketServerErrorStage stage, Exception exception, string? connectionId = null, EndPoint? remoteEndPoint = null)
    {
        ArgumentNullException.ThrowIfNull(exception);

        Stage = stage;
        Exception = exception;
        ConnectionId = connectionId;
        RemoteEndPoint = remoteEndPoint;
    }

    /// <summary>Where it happened.</summary>
    public SocketServerErrorStage Stage { get; }

    /// <summary>The cause.</summary>
    public Exception Exception { get; }

    /// <summary>The identifier of the connection, null when there was none yet.</summary>
    public string? ConnectionId { get; }

    /// <summary>The end point of the peer, null when it is unknown.</summary>
    public EndPoint? RemoteEndPoint { get; }

    /// <summary>The address of the peer as <c>ip:port</c>, null when it is unknown.</summary>
    public string? RemoteAddress => EndPointFormatter.Format(RemoteEndPoint);

    /// <inheritdoc/>
    public override string ToString() => $"{Stage}: {Exception.Message}";
}
