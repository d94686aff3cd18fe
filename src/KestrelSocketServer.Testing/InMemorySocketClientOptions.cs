using System.Net;

namespace KestrelSocketServer.Testing;

/// <summary>What an <see cref="InMemorySocketClient"/> and its connection are like.</summary>
public sealed class InMemorySocketClientOptions
{
    /// <summary>The client's own end point, which the handler sees as the remote one.</summary>
    /// <remarks>Defaults to 127.0.0.1:50000.</remarks>
    public EndPoint? RemoteEndPoint { get; set; } = new IPEndPoint(IPAddress.Loopback, 50000);

    /// <summary>The end point that the client reached.</summary>
    /// <remarks>Defaults to 127.0.0.1:8007.</remarks>
    public EndPoint? LocalEndPoint { get; set; } = new IPEndPoint(IPAddress.Loopback, 8007);

    /// <summary>
    /// How many bytes each side takes before the other reads, as the buffers of an operating system do. With 1, all that the
    /// client has not received yet is unsent for the handler.
    /// </summary>
    /// <remarks>Defaults to 65,536 (64 KiB).</remarks>
    public int BufferSize { get; set; } = 64 * 1024;

    /// <summary>Sets the options of the connection. Has no effect on a <see cref="Microsoft.AspNetCore.Connections.ConnectionDelegate"/>.</summary>
    /// <remarks>Defaults to null: the options' own defaults.</remarks>
    public Action<SocketConnectionOptions>? ConfigureConnection { get; set; }

    /// <summary>The services of the pipeline: an <c>ILoggerFactory</c> there receives the connection's logs.</summary>
    /// <remarks>Defaults to null: none.</remarks>
    public IServiceProvider? Services { get; set; }
}
